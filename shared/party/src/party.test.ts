import { encode } from '@quorate/shared/crypto/cbor'
import type { RoundOne, RoundTwo, Roster } from '@quorate/shared/wire/keygen'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { commitAll, enrol, makeKey } from '../test/ceremony.ts'
import type { Host } from '../test/host.ts'
import { approve, ask, bytesItem, draw, initFor, registrationFor, sealFor, type Plan } from '../test/people.ts'
import { askRefresh } from '../test/refresh.ts'
import { expectRefusal } from '../test/refused.ts'
import { groupWith, kept, mistaken, watched } from '../test/watched-cryptography.ts'

const group = await groupWith(0, watched)
const lying = await groupWith(1, mistaken)

const isWiped = (secret: Uint8Array) => secret.every((byte) => byte === 0)
const soon = () => group.clock.now + 60_000

type Table = Readonly<{ plan: Plan<Host>; roster: Roster }>
const enrolled = async (of = group): Promise<Table> => {
  const plan = await draw(of)
  return { plan, roster: await enrol(plan) }
}
const hostOf = ({ plan }: Table, index: number) => plan.hosts.get(index)!
const at = ({ plan }: Table, index: number, attempt = 1) => ({ keyId: plan.skeleton.keyId, index, attempt })

const round1 = async (table: Table, index: number, attempt = 1): Promise<RoundOne> =>
  (await hostOf(table, index).call('keygen.round1', { ...at(table, index, attempt), roster: table.roster })).message
const round2 = async (table: Table, index: number, messages: RoundOne[], attempt = 1): Promise<RoundTwo[]> =>
  (await hostOf(table, index).call('keygen.round2', { ...at(table, index, attempt), messages })).packages
const round3 = (table: Table, index: number, packages: RoundTwo[], attempt = 1) =>
  hostOf(table, index).call('keygen.round3', { ...at(table, index, attempt), packages })

async function firstRound(table: Table, attempt = 1): Promise<RoundOne[]> {
  const messages: RoundOne[] = []
  for (const index of table.plan.hosts.keys()) messages.push(await round1(table, index, attempt))
  return messages
}
async function twoRounds(table: Table, attempt = 1): Promise<RoundTwo[]> {
  const messages = await firstRound(table, attempt)
  const packages: RoundTwo[] = []
  for (const index of table.plan.hosts.keys()) packages.push(...(await round2(table, index, messages, attempt)))
  return packages
}
const to = (index: number, packages: readonly RoundTwo[]) => packages.filter(({ body }) => body.to === index)

describe('a seat in a keygen', () => {
  it('gives each answer again, byte for byte', async () => {
    const table = await enrolled()
    const messages = await firstRound(table)
    expect(encode(await round1(table, 1))).toEqual(encode(messages[0]))
    const packages: RoundTwo[] = []
    for (const index of [1, 2, 3]) packages.push(...(await round2(table, index, messages)))
    expect(encode(await round2(table, 1, messages))).toEqual(encode(packages.filter(({ body }) => body.from === 1)))
    const certified = await round3(table, 1, to(1, packages))
    expect(encode(await round3(table, 1, to(1, packages)))).toEqual(encode(certified))
  })

  it('answers no other messages of a round than those that it has answered', async () => {
    const table = await enrolled()
    const packages = await twoRounds(table)
    const others = await firstRound(table)
    const swapped = [others[0]!, others[2]!, others[1]!]
    await expectRefusal(round2(table, 1, swapped), 'keygen.out_of_order')
    await round3(table, 1, to(1, packages))
    await expectRefusal(round3(table, 1, to(1, packages).reverse()), 'keygen.out_of_order')
  })

  it('takes the rounds in their order', async () => {
    const table = await enrolled()
    const [second, third] = [await round1(table, 2), await round1(table, 3)]
    await expectRefusal(round2(table, 1, [second, second, third]), 'keygen.out_of_order')
    const messages = await firstRound(table)
    const dealt = await round2(table, 2, messages)
    await expectRefusal(round3(table, 1, to(1, dealt)), 'keygen.out_of_order')
    await round2(table, 1, messages)
    await expectRefusal(round3(table, 1, to(1, dealt)), 'keygen.out_of_order')
    await round3(table, 1, [...to(1, dealt), ...to(1, await round2(table, 3, messages))])
  })

  it('leaves its attempt, and what was secret in it, when a newer one begins', async () => {
    const table = await enrolled()
    const messages = await firstRound(table)
    const secret = kept.at(-1)!
    expect(isWiped(secret)).toBe(false)
    const newer = await round1(table, 1, 2)
    expect(isWiped(secret)).toBe(true)
    expect(newer.body.package).not.toBe(messages[0]!.body.package)
    await expectRefusal(round1(table, 1, 1), 'keygen.out_of_order')
    await expectRefusal(round2(table, 1, messages, 1), 'keygen.out_of_order')
    await expectRefusal(round3(table, 1, to(1, await twoRounds(table, 3)), 2), 'keygen.out_of_order')
  })

  it('that has failed says each time why, whatever it is brought, and begins anew with the next attempt', async () => {
    const table = await enrolled(lying)
    const packages = to(1, await twoRounds(table))
    for (const brought of [packages, packages, packages.toReversed(), []])
      await expectRefusal(round3(table, 1, brought), 'keygen.bad_package', [2])
    await expectRefusal(round1(table, 1), 'keygen.out_of_order')
    await round1(table, 1, 2)
  })

  it('waits for a package that its sender has signed, and names nobody for one that it has not', async () => {
    const table = await enrolled()
    const [first, ...rest] = to(1, await twoRounds(table))
    const { sealed } = rest[0]!.body
    const exchanged = { ...first!, body: { ...first!.body, sealed } }
    await expectRefusal(round3(table, 1, [exchanged, ...rest]), 'keygen.misdelivered', [])
    await round3(table, 1, [first!, ...rest])
  })
})

describe('after its time', () => {
  afterEach(() => void vi.useRealTimers())
  const passes = (ms: number) => vi.advanceTimersByTime(ms)
  const from = () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    kept.length = 0
  }

  it('nothing of a keygen is left in a host', async () => {
    from()
    const table = await enrolled()
    await twoRounds(table)
    const held = kept.filter((secret) => !isWiped(secret))
    expect(held.length).toBeGreaterThan(0)
    passes(3_600_001)
    expect(held.every(isWiped)).toBe(true)
    await expectRefusal(round1(table, 1), 'keygen.unknown')
  })

  it('nothing of a keygen is left in a host where nobody has registered for an hour, though its people have a week', async () => {
    from()
    const week = group.clock.now + 7 * 86_400_000
    const [alone, joined] = [await draw(group, { expiresAt: week }), await draw(group, { expiresAt: week })]
    const tell = async (plan: Plan<Host>) => {
      const host = plan.hosts.get(1)!
      await host.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(host, initFor(plan, host)) })
    }
    const registerAt = async (plan: Plan<Host>) => {
      const host = plan.hosts.get(1)!
      const sealed = sealFor(host, await registrationFor(plan, 1))
      return host.call('keygen.register', { keyId: plan.skeleton.keyId, sealed })
    }
    for (const plan of [alone, joined]) await tell(plan)
    await registerAt(joined)
    passes(3_600_001)
    await expectRefusal(registerAt(alone), 'keygen.unknown')
    await registerAt(joined)
    await tell(alone)
    await registerAt(alone)
  })

  it('nothing of a refresh is left in a host', async () => {
    from()
    const key = await makeKey(group)
    const request = await askRefresh(group, key)
    await key.plan.hosts.get(1)!.call('refresh.round1', { index: 1, attempt: 1, request })
    const secret = kept.at(-1)!
    expect(isWiped(secret)).toBe(false)
    passes(60_001)
    expect(isWiped(secret)).toBe(true)
  })

  it('nothing of a signing is left in a host', async () => {
    from()
    const key = await makeKey(group)
    const asked = await ask(key.plan, key, 1, [bytesItem('a'), bytesItem('b')], soon())
    const approvals = [await approve(key.plan, 2, asked.requestDigest, soon(), ['approve', 'approve'])]
    const before = kept.length
    const commitments = await commitAll(key, asked, approvals, [1, 2])
    const nonces = kept.slice(before)
    expect(nonces.map(isWiped)).toEqual([false, false])
    passes(60_001)
    expect(nonces.map(isWiped)).toEqual([true, true])
    const place = { signingId: asked.request.body.signingId, attempt: 1, index: 1 }
    await expectRefusal(
      key.plan.hosts.get(1)!.call('signing.partial', { ...place, consents: approvals, commitments }),
      'signing.unknown',
    )
  })
})

describe('a host', () => {
  it('takes no message that no schema admits', async () => {
    const [first] = group.members
    await expectRefusal(first!.call('challenge', { more: 1 } as never), 'message.invalid')
  })
})
