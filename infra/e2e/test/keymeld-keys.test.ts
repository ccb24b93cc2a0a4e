import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { publicNames, type Item, type Key, type Participant } from '@quorate/client'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { beforeAll, describe, expect, it } from 'vitest'
import { vectorJson } from '../../../shared/mpc/test/vectors.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { withFleet } from './support/sdk-fleet.ts'

/*
 * Whoever has a key at KeyMeld brings the same secret keys, and has the same aggregate keys here: for all of them and for each subset, under each
 * of its tweaks.
 */
type Name = 'alice' | 'bob' | 'carol'
type Tweaked = 'none' | 'unspendable_taproot' | 'taproot_with_merkle_root' | 'plain_tweak' | 'xonly_tweak'
type Vectors = Readonly<{
  secrets: Readonly<Record<Name, string>>
  tweak: string
  keys: readonly Readonly<Record<Tweaked, string> & { members: readonly Name[] }>[]
}>
const { secrets, tweak, keys } = vectorJson('keymeld/aggregate-keys.json') as Vectors

const long = 240_000
const names = Object.keys(secrets) as Name[]
const fleet = withFleet(long)
let key: Key
let people: Readonly<Record<Name, Participant>>

const nameOf = (members: readonly Name[]): string => members.join('-')
const subsets = keys.filter(({ members }) => members.length < names.length)

beforeAll(async () => {
  const quorate = fleet.quorate()
  const person = (name: Name) => quorate.participant(name, { seed: randomBytes(32) })
  people = { alice: person('alice'), bob: person('bob'), carol: person('carol') }
  const subgroups = Object.fromEntries(subsets.map(({ members }) => [nameOf(members), members]))
  const wish = { scheme: 'musig2', threshold: 3, participants: names, subgroups } as const
  const keygen = await people.alice.reserveKey({ ...wish, ownKey: fromHex(secrets.alice) })
  for (const name of ['bob', 'carol'] as const)
    await people[name].participate(keygen.invitation(name), { ownKey: fromHex(secrets[name]) })
  key = await keygen.completed({ timeout: long })
}, long)

const xonly = (point: string): string => point.slice(2)
const modes: Readonly<Record<Tweaked, Item['mode']>> = {
  none: { kind: 'plain' },
  unspendable_taproot: { kind: 'taproot', merkleRoot: '' },
  taproot_with_merkle_root: { kind: 'taproot', merkleRoot: tweak },
  plain_tweak: { kind: 'tweak', xonly: false, tweak },
  xonly_tweak: { kind: 'tweak', xonly: true, tweak },
}

describe('the keys of KeyMeld’s users', { timeout: long }, () => {
  it('have the same aggregate keys here, and are called the same', async () => {
    const [whole] = keys
    expect(key.groupKey).toBe(xonly(whole!.none))
    for (const { members, none, unspendable_taproot } of subsets) {
      expect(key.subgroup(nameOf(members)).groupKey).toBe(xonly(none))
      expect((await publicNames(key, nameOf(members))).taproot).toBe(xonly(unspendable_taproot))
    }
    expect((await publicNames(key)).taproot).toBe(xonly(whole!.unspendable_taproot))
  })

  it.each(keys)('sign under each of its tweaks, as $members', async ({ members, ...expected }) => {
    const [asker, ...others] = members as [Name, ...Name[]]
    const tweaked = Object.keys(modes) as Tweaked[]
    const content = { type: 'bytes', bytes: toHex(new TextEncoder().encode('moved')) } as const
    const items = tweaked.map((name): Item => ({ content, mode: modes[name] }))
    const subgroup = members.length < names.length ? nameOf(members) : undefined
    const signing = await people[asker].requestSignature(key, items, { subgroup })
    for (const name of others) await people[name].approve(await people[name].signing(key, signing.signingId))
    const { signatures } = await signing.completed({ timeout: long })
    const valid = tweaked.map((name, at) =>
      schnorr.verify(signatures[at]!, hashOfBytes('moved'), fromHex(xonly(expected[name]))),
    )
    expect(valid).toEqual(tweaked.map(() => true))
  })
})
