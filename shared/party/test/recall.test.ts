import { lineageOf } from '@quorate/shared/verify/certificate'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import {
  MAX_PARTS,
  MAX_RECALLED,
  MAX_RECALLED_PARTICIPANTS,
  MAX_RECALLED_PARTS,
  MAX_RECALLED_TALLIES,
  MAX_TALLIES,
  type Recollection,
  type Remembered,
  type Tally,
} from '@quorate/shared/wire/recall'
import type { Digest, GrantId } from '@quorate/shared/wire/ids'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadKey, makeKey, type MadeKey } from './ceremony.ts'
import { introduceAll, startHosts, type Host } from './host.ts'
import type { GrantTerms } from './people.ts'
import { expectRefusal } from './refused.ts'

/* What one answer of a host says of many keys. The rules for each key: `infra/e2e/test/epochs.test.ts`. */

const group = await startHosts()
const [first, second, third] = group.members as [Host, Host, Host]
const forever: GrantTerms = {
  ...{ askers: ['alice'], content: ['bytes'] as const, expiresAt: 9e12 },
  limit: { count: 1_000, seconds: 86_400 },
}
const grants = new Map([1, 2, 3].map((index) => [index, forever]))
let keys: readonly MadeKey<Host>[]

beforeAll(async () => {
  await introduceAll(group.members)
  keys = [await makeKey(group, { grants }), await makeKey(group), await makeKey(group)]
})

const keyIdOf = ({ plan }: MadeKey<Host>) => plan.skeleton.keyId
const asked = (key: MadeKey<Host>, index: number) => ({
  ...{ keyId: keyIdOf(key), index },
  lineage: lineageOf(key.certificate.body),
})
const tell = (teller: Host, asker: Host, of: HostParams<'recall.tell'>['keys']) =>
  teller.call('recall.tell', { asker: asker.identity.signKey, life: asker.bootId(), keys: of })
const learn = (asker: Host, teller: Host, recollection: Recollection, of = keys) =>
  asker.call('recall.learn', {
    from: teller.identity.signKey,
    keys: of.map((key) => ({ keyId: keyIdOf(key), index: 1 })),
    recollection,
  })

async function restart(...hosts: Host[]): Promise<void> {
  for (const host of hosts) await host.restart()
  await introduceAll(group.members)
}

describe('a host that has restarted', () => {
  it('hears of many keys in one answer of each peer', async () => {
    await restart(first)
    for (const key of keys) await loadKey(key, [1])
    for (const [at, peer] of [second, third].entries()) {
      const { recollection, refused } = await tell(
        peer,
        first,
        keys.map((key) => asked(key, at + 2)),
      )
      expect(refused).toEqual([])
      expect(recollection.body.keys).toHaveLength(3)
      const epoch = at === 0 ? null : 0
      expect(await learn(first, peer, recollection)).toEqual({
        learned: keys.map((key) => ({ keyId: keyIdOf(key), epoch, settled: at === 1 })),
        refused: [],
      })
    }
  })

  it('takes what is said of one key though its share of another is not there, and says so', async () => {
    await restart(first)
    const [one, ...others] = keys as [MadeKey<Host>, ...MadeKey<Host>[]]
    await loadKey(one, [1])
    const { recollection } = await tell(
      second,
      first,
      keys.map((key) => asked(key, 2)),
    )
    expect(await learn(first, second, recollection)).toEqual({
      learned: [{ keyId: keyIdOf(one), epoch: null, settled: false }],
      refused: others.map((key) => ({ keyId: keyIdOf(key), code: 'key.unknown' })),
    })
  })

  it('takes nothing of what a peer says of a key that it does not speak of', async () => {
    await restart(first)
    for (const key of keys) await loadKey(key, [1])
    const { recollection } = await tell(second, first, [asked(keys[0]!, 2)])
    const { learned, refused } = await learn(first, second, recollection)
    expect(learned.map(({ keyId }) => keyId)).toEqual([keyIdOf(keys[0]!)])
    expect(refused.map(({ code }) => code)).toEqual(['epoch.unproven', 'epoch.unproven'])
  })

  it('believes of no key who signs with another host’s key, or a life that is over', async () => {
    await restart(first)
    for (const key of keys) await loadKey(key, [1])
    const { recollection } = await tell(
      second,
      first,
      keys.map((key) => asked(key, 2)),
    )
    await expectRefusal(learn(first, third, recollection), 'epoch.unproven')
    const added = { ...recollection, body: { ...recollection.body, keys: recollection.body.keys.slice(1) } }
    await expectRefusal(learn(first, second, added), 'epoch.unproven')
    await restart(second)
    await expectRefusal(learn(first, second, recollection), 'life.retired')
  })
})

describe('a host that tells', () => {
  it('speaks of the keys whose shares it has, and names the others', async () => {
    await restart(third)
    await loadKey(keys[1]!, [3])
    const { recollection, refused } = await tell(
      third,
      first,
      keys.map((key) => asked(key, 3)),
    )
    expect(recollection.body.keys.map(({ lineage }) => lineage)).toEqual([asked(keys[1]!, 3).lineage])
    expect(refused.map(({ keyId }) => keyId)).toEqual([keyIdOf(keys[0]!), keyIdOf(keys[2]!)])
  })

  const now = Date.now()
  const tallyOf = (index: number, grant: GrantId | null, parts: number): Tally => ({
    ...{ index, grant, seconds: 86_400, since: 0 },
    parts: Array.from({ length: parts }, (_, at) => ({ end: now - at, signatures: 1 })),
  })

  it.each<[string, Tally[], number]>([
    ['parts', [1, 2, 3].map((index) => tallyOf(index, null, MAX_PARTS)), MAX_RECALLED_PARTS / (3 * MAX_PARTS)],
    [
      'tallies',
      Array.from({ length: MAX_TALLIES }, (_, at) => tallyOf(1, at.toString(16).padStart(16, '0') as GrantId, 1)),
      MAX_RECALLED_TALLIES / MAX_TALLIES,
    ],
  ])(
    'speaks of keys until an answer has no room for %s, and of the others when it is asked again',
    async (_, uses, most) => {
      const key = await makeKey(group, { grants })
      await restart(second)
      await loadKey(key, [2])
      for (const [host, index] of [
        [first, 1],
        [third, 3],
      ] as const)
        await hears(key, host, index, { uses })
      const { recollection, refused } = await tell(
        second,
        first,
        Array.from({ length: most + 8 }, () => asked(key, 2)),
      )
      const lengths = (of: readonly Tally[] = []) => of.map(({ parts }) => parts.length)
      expect(lengths(recollection.body.keys[0]?.uses)).toEqual(lengths(uses))
      expect(recollection.body.keys).toHaveLength(most)
      expect(refused).toEqual([])
      expect((await tell(second, first, [asked(key, 2)])).recollection.body.keys).toHaveLength(1)
    },
  )

  it('speaks of so many participants at most, also where nothing was used', async () => {
    const users = Array.from({ length: 17 }, (_, at) => `user-${at}`)
    const key = await makeKey(group, { users })
    const many = Array.from({ length: MAX_RECALLED }, () => asked(key, 1))
    const { recollection, refused } = await tell(first, second, many)
    expect(recollection.body.keys).toHaveLength(Math.floor(MAX_RECALLED_PARTICIPANTS / users.length))
    expect(refused).toEqual([])
  })

  it('needs to hear more while it does not know of whose books there is no newer one', async () => {
    // One other host is enough here.
    const key = await makeKey(group, { threshold: 3 })
    await restart(second)
    await loadKey(key, [2])
    expect(await hears(key, first, 1, { complete: [1, 2] })).toBe(false)
    expect(await hears(key, first, 1, {})).toBe(true)
  })

  it('passes on the newest books, and of whose it knows that there is no newer one', async () => {
    const key = await makeKey(group)
    const saidOf = async (host: Host, index: number) => {
      const { books, complete } = (await tell(host, first === host ? second : first, [asked(key, index)])).recollection
        .body.keys[0]!
      return { books, complete }
    }
    expect(await saidOf(first, 1)).toEqual({ books: [], complete: [1, 2, 3] })
    await restart(second)
    await loadKey(key, [2])
    const [newer, older] = [7, 5].map((serial) => ({ index: 1, serial, digest: 'ab'.repeat(32) as Digest }))
    expect(await hears(key, first, 1, { books: [newer!] })).toBe(false)
    expect(await saidOf(second, 2)).toEqual({ books: [newer], complete: [] })
    expect(await hears(key, third, 3, { books: [older!], complete: [1, 3] })).toBe(true)
    expect(await saidOf(second, 2)).toEqual({ books: [newer], complete: [1, 3] })
  })
})

/** Has the second host hear this of a key from another one, which signs it. */
async function hears(key: MadeKey<Host>, host: Host, index: number, said: Partial<Remembered>): Promise<boolean> {
  const { recollection } = await tell(host, second, [asked(key, index)])
  const body = { ...recollection.body, keys: recollection.body.keys.map((one) => ({ ...one, ...said })) }
  const { learned } = await second.call('recall.learn', {
    ...{ from: host.identity.signKey, recollection: await host.keys.sign('recollection', body) },
    keys: [{ keyId: keyIdOf(key), index: 2 }],
  })
  return learned[0]!.settled
}
