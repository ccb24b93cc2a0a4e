import { expect } from 'vitest'
import type { KeyTweak } from '../../mpc/src/index.ts'
import { hex } from '../../mpc/test/vectors.ts'
import { outputKeys, referees, vectors } from './published.ts'
import { get, makeKey, makingOf, member, publicKeysOf, quorumsOf, refreshKey, sign, signAll, useOf } from './run.ts'
import { cheatedSize, expectInvalid, expectNamed, expectRefused, failureOf, sizesOf, type Subject } from './subject.ts'
import { resized } from './spoils.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

export function verifiesAsPublished({ scheme, facts }: Subject): void {
  const published = vectors[facts.verification]()
  const none = { session: new Uint8Array(0), publicKeys: new Uint8Array(0), tweaks: [] }
  for (const { valid, signature, publicKey, message } of published)
    expect(scheme.use.sign.verify({ ...none, publicKey, message }, signature)).toBe(valid)
  for (const kind of [true, false]) expect(published.filter(({ valid }) => valid === kind).length).toBeGreaterThan(3)
}

export function fitsWhatItSays({ scheme, facts }: Subject): void {
  for (const participants of [0, 1, 2, 3, 4, 5])
    for (const threshold of [0, 1, 2, 3, 4, 5, 6])
      for (const protocol of [makingOf(scheme), ...(scheme.make.refresh ? [scheme.make.refresh] : [])]) {
        const begin = (index: number) => () => protocol(member(participants, threshold)(index))
        if (facts.fits(participants, threshold)) expect(failureOf(begin(participants))).toBeNull()
        else expectInvalid(begin(1))
        for (const nobody of [0, participants + 1, -1, 1.5]) expectInvalid(begin(nobody))
      }
}

export function isMadeAsItSays({ scheme, facts }: Subject): void {
  const makes = Object.entries(scheme.make).filter(([, make]) => (make as unknown) !== undefined)
  expect(makes.map(([name]) => name).sort()).toEqual([...facts.makes].sort())
  expect(facts.makes.filter((make) => make === 'dkg' || make === 'contribute')).toHaveLength(1)
}

/** Every quorum of every size signs what the referee verifies, and the shares after a refresh sign for the same key. */
export function signsWithEveryQuorum(subject: Subject): void {
  const { scheme, facts } = subject
  const referee = referees[facts.verification]
  for (const [participants, threshold] of sizesOf(subject, 4)) {
    const key = makeKey(scheme, participants, threshold)
    const refreshed = scheme.make.refresh === undefined ? [] : [refreshKey(scheme, key)]
    const { groupKey } = scheme.describe(publicKeysOf(key))
    for (const one of [key, ...refreshed]) {
      const described = scheme.describe(publicKeysOf(one))
      expect([described.threshold, [...described.verifyingShares.keys()]]).toEqual([threshold, [...one.made.keys()]])
      expect(described.groupKey).toEqual(groupKey)
      for (const [index, made] of one.made) {
        expect(made.publicKeys).toEqual(publicKeysOf(one))
        expect(scheme.isShareOf(index, made)).toBe(true)
      }
      for (const quorum of quorumsOf(one)) {
        const of = useOf(scheme, one, bytesOf(`by ${quorum.join()}`))
        const signature = sign(scheme, one, quorum, of)
        expect(referee({ ...of, signature })).toBe(true)
        expect(scheme.use.sign.verify(of, signature)).toBe(true)
        expect(scheme.use.sign.verify({ ...of, message: bytesOf('another') }, signature)).toBe(false)
      }
    }
  }
}

/** After a refresh, a share of before is nobody's, and who signs with it is named. */
export function refreshesForGood(subject: Subject): void {
  const { scheme } = subject
  const [participants, threshold] = cheatedSize(subject)
  const old = makeKey(scheme, participants, threshold)
  const key = refreshKey(scheme, old)
  for (const index of key.made.keys())
    expect(scheme.isShareOf(index, { ...get(key.made, index), share: get(old.made, index).share })).toBe(false)
  const last = participants
  const mixed = { ...key, made: new Map(key.made).set(last, get(old.made, last)) }
  const of = useOf(scheme, key, bytesOf('with an old share'))
  const quorum = quorumsOf(key).find((one) => one.includes(last)) ?? []
  const { commitments, partials } = signAll(scheme, mixed, quorum, of)
  expectNamed(
    failureOf(() => scheme.use.sign.join(of, commitments, partials)),
    ['bad_partial'],
    [last],
  )
}

export function hasTheLengthsItSays(subject: Subject): void {
  const { scheme, facts } = subject
  const key = makeKey(scheme, ...cheatedSize(subject))
  const of = useOf(scheme, key, bytesOf('how long'))
  const signature = sign(scheme, key, [...key.made.keys()], of)
  expect([of.publicKey.length, signature.length]).toEqual([facts.keyLength, facts.uses.sign])
  for (const wrong of resized(signature)) expect(scheme.use.sign.verify(of, wrong)).toBe(false)
  for (const publicKey of resized(of.publicKey))
    expect(scheme.use.sign.verify({ ...of, publicKey }, signature)).toBe(false)
}

export function refusesWrongLengths(subject: Subject): void {
  const { scheme } = subject
  const key = makeKey(scheme, ...cheatedSize(subject))
  const of = useOf(scheme, key, bytesOf('wrong lengths'))
  const { share, publicKeys } = get(key.made, 1)
  const { commitments, partials } = signAll(scheme, key, [...key.made.keys()], of)
  for (const wrong of resized(share)) {
    expectRefused(() => scheme.use.sign.begin({ ...of, index: 1, share: wrong }))
    expect(scheme.isShareOf(1, { share: wrong, publicKeys })).toBe(false)
    const mixed = { ...key, made: new Map(key.made).set(1, { share: wrong, publicKeys }) }
    if (scheme.make.refresh !== undefined) expectRefused(() => refreshKey(scheme, mixed))
  }
  for (const wrong of resized(publicKeys)) {
    expectRefused(() => scheme.describe(wrong))
    expectRefused(() => scheme.use.sign.join({ ...of, publicKeys: wrong }, commitments, partials))
    expect(scheme.isShareOf(1, { share, publicKeys: wrong })).toBe(false)
    const mixed = { ...key, made: new Map(key.made).set(1, { share, publicKeys: wrong }) }
    if (scheme.make.refresh !== undefined) expectRefused(() => refreshKey(scheme, mixed))
  }
}

export function tweaksIfItSays(subject: Subject): void {
  const { scheme, facts } = subject
  const key = makeKey(scheme, ...cheatedSize(subject))
  const quorum = [...key.made.keys()]
  const of = useOf(scheme, key, bytesOf('to an output'))
  const scalar = new Uint8Array(32).fill(7)
  const tweaks: KeyTweak[] = [
    { kind: 'taproot', tweak: new Uint8Array(0) },
    { kind: 'taproot', tweak: scalar },
    { kind: 'plain', tweak: scalar },
    { kind: 'xonly', tweak: scalar },
  ]
  const known = { groupKey: of.publicKey, publicKeys: of.publicKeys }
  if (!facts.tweaks) {
    for (const tweak of tweaks) {
      expectInvalid(() => scheme.tweakedKey(known, [tweak]))
      expectInvalid(() => sign(scheme, key, quorum, { ...of, tweaks: [tweak] }))
    }
    return
  }
  for (const { groupKey, tweak, outputKey } of outputKeys())
    expect(scheme.tweakedKey({ ...known, groupKey }, [tweak])).toEqual(outputKey)
  for (const tweak of tweaks) {
    const tweaked = useOf(scheme, key, of.message, tweak)
    const signature = sign(scheme, key, quorum, tweaked)
    expect(referees[facts.verification]({ ...tweaked, signature })).toBe(true)
    expect(scheme.use.sign.verify(of, signature)).toBe(false)
  }
  const wrongs = tweaks.flatMap(({ kind }) =>
    resized(scalar).flatMap((tweak) => (kind === 'taproot' && tweak.length === 0 ? [] : [{ kind, tweak }])),
  )
  const order = hex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
  const beyond = (['plain', 'xonly'] as const).map((kind) => ({ kind, tweak: order }))
  const unknown = [scalar, new Uint8Array(0)].map((tweak) => ({ kind: 'none', tweak }) as unknown as KeyTweak)
  for (const wrong of [...wrongs, ...beyond, ...unknown]) {
    expectInvalid(() => scheme.tweakedKey(known, [wrong]))
    expectInvalid(() => sign(scheme, key, quorum, { ...of, tweaks: [wrong] }))
  }
}

/** A share is loaded only if it is this participant's alone, of these public keys, and not zero. */
export function loadsOwnSharesOnly(subject: Subject): void {
  const { scheme, badShares } = subject
  const [participants, threshold] = cheatedSize(subject)
  const key = makeKey(scheme, participants, threshold)
  const other = makeKey(scheme, participants, threshold)
  for (const [index, made] of key.made) {
    expect(scheme.isShareOf(index, made)).toBe(true)
    for (const somebody of [...key.made.keys(), 0, participants + 1].filter((one) => one !== index))
      expect(scheme.isShareOf(somebody, made)).toBe(false)
    expect(scheme.isShareOf(index, { ...made, publicKeys: publicKeysOf(other) })).toBe(false)
    expect(scheme.isShareOf(index, badShares.zeroed(made))).toBe(false)
  }
  if (badShares.doubled !== null) expect(scheme.isShareOf(1, badShares.doubled)).toBe(false)
}
