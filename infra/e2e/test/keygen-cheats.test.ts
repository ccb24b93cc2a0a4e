import { randomBytes } from '@noble/hashes/utils.js'
import type { Frost } from '@quorate/shared/mpc'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { RefusalCode } from '@quorate/shared/errors'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { createCluster, createLyingCluster } from './support/cluster.ts'
import { enrol, makeKey, runDkg } from '../../../shared/party/test/ceremony.js'
import { agree, shareAt } from '../../../shared/party/test/epoch-change.js'
import { startLiar } from './support/compromised-host.ts'
import { draw, initFor, registrationFor, sealFor } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'

const cluster = await createCluster()

describe('a ceremony under a gateway that cheats', () => {
  it('refuses round-one messages of another session, which it brought itself, and accuses nobody', async () => {
    const other = await draw(cluster)
    const foreign = await other.hosts.get(3)!.call('keygen.round1', {
      keyId: other.skeleton.keyId,
      index: 3,
      attempt: 1,
      roster: await enrol(other),
    })
    const plan = await draw(cluster)
    const swap = runDkg(plan, await enrol(plan), { roundOne: (all) => [all[0]!, all[1]!, foreign.message] })
    await expectRefusal(swap, 'keygen.misdelivered', [])
  })

  it.each<[string, (all: RoundOne[]) => RoundOne[], RefusalCode, number[]]>([
    ['short', (all) => all.slice(0, 2), 'keygen.out_of_order', []],
    ['without the own one, with another in its place', (all) => [all[1]!, all[1]!, all[2]!], 'keygen.misdelivered', []],
    ['doubled', (all) => [all[0]!, all[1]!, all[1]!], 'keygen.misdelivered', []],
    ['out of order', (all) => [all[1]!, all[0]!, all[2]!], 'keygen.misdelivered', []],
    ['changed', ([a, b, c]) => [a!, { ...b!, body: { ...b!.body, package: 'AA' } }, c!], 'keygen.misdelivered', []],
  ])('refuses a list of round-one messages that is %s, and accuses nobody', async (_, roundOne, code, culprits) => {
    const plan = await draw(cluster)
    await expectRefusal(runDkg(plan, await enrol(plan), { roundOne }), code, culprits)
  })

  it('is found out when it shows another round one to one host, and makes it accuse nobody', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const third = plan.hosts.get(3)!
    const first = await third.call('keygen.round1', { keyId, index: 3, attempt: 1, roster })
    await third.restart()
    await cluster.introduceAll()
    await third.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(third, initFor(plan, third)) })
    await third.call('keygen.register', { keyId, sealed: sealFor(third, await registrationFor(plan, 3)) })
    const made = runDkg(plan, roster, {
      roundOne: (all, forIndex) => (forIndex === 1 ? [all[0]!, all[1]!, first.message] : all),
    })
    await expectRefusal(made, 'keygen.equivocation', [])
    await third.restart()
    await cluster.introduceAll()
    await third.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(third, initFor(plan, third)) })
    await third.call('keygen.register', { keyId, sealed: sealFor(third, await registrationFor(plan, 3)) })
    const messages = []
    for (const [index, host] of plan.hosts)
      messages.push((await host.call('keygen.round1', { keyId, index, attempt: 1, roster })).message)
    const shown = [messages[0]!, messages[1]!, first.message]
    const dealt = third.call('keygen.round2', { keyId, index: 3, attempt: 1, messages: shown })
    await expectRefusal(dealt, 'keygen.misdelivered', [])
  })

  it('refuses round-two packages that were exchanged, altered or taken from another attempt, and accuses nobody', async () => {
    const sealedAs = (message: RoundTwo, sealed: string) => ({ ...message, body: { ...message.body, sealed } })
    const noise = toBase64url(randomBytes(90))
    const old: RoundTwo[] = []
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    await runDkg(plan, roster, { roundTwo: (all) => (old.push(...all), all) })
    for (const [at, roundTwo] of [
      ([a, b]: RoundTwo[]) => [sealedAs(a!, b!.body.sealed), sealedAs(b!, a!.body.sealed)],
      ([a, b]: RoundTwo[]) => [a!, sealedAs(b!, noise)],
      ([a, b]: RoundTwo[]) => [a!, old.find(({ body }) => body.from === b!.body.from && body.to === b!.body.to)!],
    ].entries())
      await expectRefusal(runDkg(plan, roster, { roundTwo }, at + 2), 'keygen.misdelivered', [])
  })

  it('takes a newer attempt, and no message of an older one', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const old = await plan.hosts.get(1)!.call('keygen.round1', { keyId, index: 1, attempt: 1, roster })
    const made = await runDkg(plan, roster, {}, 2)
    expect(made.certificate.body.epoch).toBe(0)
    await expectRefusal(
      plan.hosts.get(1)!.call('keygen.round1', { keyId, index: 1, attempt: 1, roster }),
      'keygen.out_of_order',
    )
    const again = runDkg(plan, roster, { roundOne: (all) => [old.message, all[1]!, all[2]!] }, 3)
    await expectRefusal(again, 'keygen.misdelivered', [])
    const shown = (all: RoundOne[], to: number) => (to === 1 ? all : [old.message, all[1]!, all[2]!])
    await expectRefusal(runDkg(plan, roster, { roundOne: shown }, 4), 'keygen.misdelivered', [])
  })

  it('forgets a keygen once it has expired', async () => {
    const plan = await draw(cluster)
    const late = { ...plan, skeleton: { ...plan.skeleton, expiresAt: cluster.clock.now - 1 } }
    const [member] = cluster.members
    await expectRefusal(
      member!.call('keygen.init', { skeleton: late.skeleton, sealed: sealFor(member!, initFor(late, member!)) }),
      'keygen.expired',
    )
  })
})

describe('an enclave that has started', () => {
  it('takes no other root than its own, and trusts its peers for half a day', async () => {
    const old = await createCluster()
    const [a, b] = old.members
    const plan = await draw(old)
    await expectRefusal(a!.call('boot', { sealedRoot: toBase64url(randomBytes(100)) }), 'root.invalid')
    const { sealedRoot } = await b!.call('boot', { sealedRoot: null })
    await expectRefusal(a!.call('boot', { sealedRoot }), 'root.invalid')
    old.clock.now += 12 * 3_600_000
    plan.skeleton.expiresAt = old.clock.now + 60_000
    await expectRefusal(runDkg(plan, await enrol(plan)), 'peer.unknown')
  })
})

/** A host that commits to the negative of coefficient `k`: the point with the other parity. */
const otherParity = (f: Frost, k: number): Partial<Frost> => ({
  dkgPart1: (a) => {
    const said = f.dkgPart1(a)
    // Header (5 bytes), their count (1), then 33 bytes a point.
    const at = 6 + 33 * k
    return { ...said, package: said.package.with(at, said.package[at]! ^ 1) }
  },
})

describe('a host that lies in the key generation', () => {
  it.each<[string, (frost: Frost) => Partial<Frost>]>([
    [
      'a commitment vector longer than the threshold',
      (f) => ({ dkgPart1: (a) => f.dkgPart1({ ...a, threshold: a.threshold + 1 }) }),
    ],
    [
      'the proof of possession of another',
      (f) => ({ dkgPart1: (a) => ({ ...f.dkgPart1(a), package: f.dkgPart1({ ...a, index: 1 }).package }) }),
    ],
    ['the other point of its constant term’s x', (f) => otherParity(f, 0)],
  ])('is named in round two by all others for %s', async (_, lie) => {
    const rigged = await createLyingCluster(lie)
    const plan = await draw(rigged)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const messages = []
    for (const [index, member] of plan.hosts)
      messages.push((await member.call('keygen.round1', { keyId, index, attempt: 1, roster })).message)
    for (const index of [1, 2])
      await expectRefusal(
        plan.hosts.get(index)!.call('keygen.round2', { keyId, index, attempt: 1, messages }),
        'keygen.bad_package',
        [3],
      )
  })

  it('is named in round three by who got a share that does not fit', async () => {
    const rigged = await createLyingCluster((f) => ({
      dkgPart2: (a) => {
        const { secret, packages } = f.dkgPart2(a)
        return { secret, packages: new Map([...packages].map(([to]) => [to, packages.get(to === 1 ? 2 : 1)!])) }
      },
    }))
    const plan = await draw(rigged)
    await expectRefusal(runDkg(plan, await enrol(plan)), 'keygen.bad_package', [3])
  })

  it('is named in round three for the other point of a later coefficient, which its shares do not fit', async () => {
    const plan = await draw(await createLyingCluster((f) => otherParity(f, 1)))
    await expectRefusal(runDkg(plan, await enrol(plan)), 'keygen.bad_package', [3])
  })

  it('is named for a round-two package that it signed and that does not open', async () => {
    const [first, second] = cluster.members
    const liar = await startLiar(cluster, 'enclave-9')
    const plan = await draw(cluster, { hosts: [first!, second!, liar.member] })
    const noisy = async (message: RoundTwo) => (message.body.from === 3 ? liar.noise(message) : message)
    const made = runDkg(plan, await enrol(plan), { roundTwo: (all) => Promise.all(all.map(noisy)) })
    await expectRefusal(made, 'keygen.bad_package', [3])
  })
})

describe('a sealed share', () => {
  it('does not open for another participant of its enclave, or under another certificate of its people', async () => {
    const [host] = cluster.members
    const plan = await draw(cluster, { users: ['alice', 'bob'], hosts: [host!] })
    const roster = await enrol(plan)
    const two = await runDkg(plan, roster, {}, 1)
    const one = await agree(await runDkg(plan, roster, {}, 2))
    for (const sealedShare of [one.sealedShares.get(2)!, two.sealedShares.get(1)!])
      await expectRefusal(host!.call('key.load', { ...shareAt(one, 1), sealedShare }), 'seal.invalid')
    await host!.call('key.load', shareAt(one, 1))
  })

  it('opens under its own certificate and index only', async () => {
    const one = await makeKey(cluster)
    const two = await makeKey(cluster)
    const load = (change: Partial<ReturnType<typeof shareAt>>) =>
      one.plan.hosts.get(1)!.call('key.load', { ...shareAt(one, 1), ...change })
    const [second, foreign] = [shareAt(one, 2).sealedShare, shareAt(two, 1).sealedShare]
    await expectRefusal(load({ sealedShare: foreign }), 'seal.invalid')
    await expectRefusal(load({ sealedShare: second }), 'seal.invalid')
    await expectRefusal(load({ index: 2, sealedShare: second }), 'certificate.invalid')
    await expectRefusal(load({ sealedShare: '' }), 'seal.invalid')
    const { body, signatures } = one.certificate
    const flipped = { ...one.certificate, body: { ...body, groupKey: two.certificate.body.groupKey } }
    await expectRefusal(load({ certificate: flipped }), 'certificate.invalid')
    const unsigned = { body, signatures: [signatures[0]!, signatures[0]!, signatures[2]!] }
    await expectRefusal(load({ certificate: unsigned }), 'certificate.invalid', [])
  })
})
