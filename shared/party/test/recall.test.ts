import { lineageOf } from '@quorate/shared/verify/certificate'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import { MAX_PARTS, MAX_RECALLED_PARTS, type Recollection } from '@quorate/shared/wire/recall'
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

  it('speaks of as many keys as one answer holds, and of the others when it is asked again', async () => {
    const key = await makeKey(group, { grants })
    await restart(second)
    await loadKey(key, [2])
    // What two hosts know of its grants: as many parts as a window is told in.
    const uses = [1, 2, 3].map((index) => ({
      ...{ index, since: 0 },
      parts: Array.from({ length: MAX_PARTS }, (_, at) => ({ end: at + 1, signatures: 1 })),
    }))
    for (const [index, host] of [first, third].entries()) {
      const { recollection } = await tell(host, second, [asked(key, index === 0 ? 1 : 3)])
      const [said] = recollection.body.keys
      const body = { ...recollection.body, keys: [{ ...said!, uses }] }
      const forged = await host.keys.sign('recollection', body)
      await second.call('recall.learn', {
        ...{ from: host.identity.signKey, recollection: forged },
        keys: [{ keyId: keyIdOf(key), index: 2 }],
      })
    }
    const most = MAX_RECALLED_PARTS / (3 * MAX_PARTS)
    const { recollection, refused } = await tell(
      second,
      first,
      Array.from({ length: most + 8 }, () => asked(key, 2)),
    )
    expect(recollection.body.keys[0]?.uses.map(({ parts }) => parts.length)).toEqual([MAX_PARTS, MAX_PARTS, MAX_PARTS])
    expect(recollection.body.keys).toHaveLength(most)
    expect(refused).toEqual([])
    expect((await tell(second, first, [asked(key, 2)])).recollection.body.keys).toHaveLength(1)
  })
})
