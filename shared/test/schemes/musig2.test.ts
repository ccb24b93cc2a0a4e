import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { readModule } from '#mpc-module'
import { bindMpc, loadMpc, MpcError, type ByIndex, type Mpc } from '../../mpc/src/index.ts'
import { createCall } from '../../mpc/src/instance.ts'
import { createMusig2Scheme, musig2Fits, type Contributor } from '../../src/schemes/musig2.ts'
import type { Made, Scheme } from '../../src/schemes/scheme.ts'
import type { SchemeFacts } from '../../src/schemes/table.ts'
import { failedChecks, type CheckName } from './check-scheme.ts'
import {
  commitAll,
  doneBy,
  eachOf,
  get,
  heard,
  heldBy,
  honest,
  indicesTo,
  runAll,
  signAll,
  useOf,
  type Key,
} from './run.ts'
import { resized } from './spoils.ts'
import { expectInvalid, expectNamed, expectRefused, failureOf, type Subject } from './subject.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const mpc = await loadMpc()
const musig2 = createMusig2Scheme(mpc)
const facts: SchemeFacts = { verification: 'bip340', keyLength: 32, uses: { sign: 64 }, fits: musig2Fits, tweaks: true }

/** As the suite knows schemes. MuSig2 has no dealer and no refresh; the checks of both stay out below. */
function asScheme(over: Mpc): Scheme {
  const scheme = createMusig2Scheme(over)
  let session = random(32)
  const dkg: Scheme['make']['dkg'] = (member) => {
    // In every run of the suite, participant 1 is the first to begin.
    if (member.index === 1) session = random(32)
    return scheme.make.contribute({ ...member, session, secretKey: null })
  }
  const none = () => {
    throw new MpcError('invalid_input')
  }
  return { ...scheme, make: { dkg, refresh: dkg as unknown as Scheme['make']['refresh'] }, deal: none }
}

const module = await readModule()

function subject(): Subject {
  const inner = createCall(module)
  let seen: Uint8Array[] = []
  const over = bindMpc((operation, items) => {
    const answer = inner(operation, items)
    seen.push(...answer)
    return answer
  })
  const given = () => {
    const last = seen
    seen = []
    return last
  }
  const secret = random(32)
  const twice = Buffer.concat([mpc.secp256k1.publicKey(secret), mpc.secp256k1.publicKey(secret)])
  const badShares = {
    zeroed: ({ publicKeys }: Made) => ({ share: new Uint8Array(32), publicKeys }),
    doubled: { share: secret, publicKeys: new Uint8Array(twice) },
    lowered: [new Uint8Array(twice)],
  }
  return { facts, scheme: asScheme(over), badShares, given }
}

const held: readonly CheckName[] = [
  'verifies and refuses published signatures',
  'fits the sizes that it says, and no others',
  'has keys and signatures of the lengths that it says',
  'tweaks its key if it says so',
  'loads no share but a participant’s own',
  'names who makes a key with messages that cannot be read',
  'names who makes a key with messages of others',
  'names who makes a key with a bit flipped',
  'refuses other lists of messages and blames nobody',
  'names who commits to what cannot be read',
  'names who commits to what is not its own',
  'names who sends a wrong partial',
  'refuses other lists of commitments',
  'joins the partials of a quorum only',
  'signs once with a nonce',
]

describe('MuSig2, as any scheme,', () => {
  it.each(held)('%s', (name) => {
    expect(failedChecks(subject(), [name])).toEqual([])
  })
})

const start = (participants: number, keys: ByIndex = new Map()): ((index: number) => Contributor) => {
  const session = random(32)
  return (index) => ({ index, participants, threshold: participants, session, secretKey: keys.get(index) ?? null })
}

function makeKey(participants: number, keys?: ByIndex): Key {
  const made = runAll(musig2.make.contribute, indicesTo(participants), start(participants, keys), () => null)
  return { participants, threshold: participants, made }
}

const scheme = asScheme(mpc)
const key = makeKey(3)
const quorum = [1, 2, 3]
const of = useOf(scheme, key, new TextEncoder().encode('pay 5 to carol'))

describe('a key of MuSig2', () => {
  it('is the aggregate of the keys that its participants bring, whoever has which index', () => {
    const secretKeys = quorum.map(() => schnorr.utils.randomSecretKey())
    const brought = new Map(secretKeys.map((secretKey, at) => [at + 1, secretKey]))
    const reversed = new Map(secretKeys.toReversed().map((secretKey, at) => [at + 1, secretKey]))
    const [one, other] = [makeKey(3, brought), makeKey(3, reversed)]
    const pubkeys = new Map([...brought].map(([index, secret]) => [index, secp256k1.getPublicKey(secret, true)]))
    const expected = mpc.musig2.keyAgg({ pubkeys, sorted: true }).slice(1)
    for (const { made } of [one, other]) expect(musig2.describe(get(made, 1).publicKeys).groupKey).toEqual(expected)
    // What was borrowed is not wiped, and what was made is a copy.
    for (const [index, { share }] of one.made) expect(share).toEqual(get(brought, index))
    expect(secretKeys.some((secretKey) => secretKey.every((byte) => byte === 0))).toBe(false)
  })

  it('is signed for by all of them, under itself and under its output key', () => {
    for (const tweak of [null, new Uint8Array(0), random(32)]) {
      const asked = useOf(scheme, key, of.message, tweak)
      const { commitments, partials } = signAll(scheme, key, quorum, asked)
      const signature = musig2.use.sign.join(asked, commitments, partials)
      expect(schnorr.verify(signature, asked.message, asked.publicKey)).toBe(true)
    }
  })

  it('names two who bring the same key, and refuses one that is none', () => {
    const secret = schnorr.utils.randomSecretKey()
    const twice = start(
      3,
      new Map([
        [2, secret],
        [3, secret],
      ]),
    )
    const said = eachOf(quorum, (index) => musig2.make.contribute(twice(index)))
    const go = (index: number) => failureOf(() => heldBy(get(said, index)).go(heard(1, said, index, honest), null))
    expectNamed(go(1), ['bad_package'], [2, 3])
    expectNamed(go(2), ['bad_package'], [3])
    for (const wrong of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31)])
      expectInvalid(() => musig2.make.contribute(start(3, new Map([[1, wrong]]))(1)))
  })

  it('takes no key of whoever has not its secret', () => {
    const said = eachOf(quorum, (index) => musig2.make.contribute(start(3)(index)))
    // Each began in a session of its own.
    const failure = failureOf(() => heldBy(get(said, 1)).go(heard(1, said, 1, honest), null))
    expectNamed(failure, ['bad_package'], [2, 3])
  })

  it('needs all keys, and no two of them are the same', () => {
    const publicKeys = get(key.made, 1).publicKeys
    expect(musig2.needsThreshold(publicKeys)).toBe(true)
    expect(musig2.needsThreshold(Uint8Array.of(...publicKeys.slice(0, 66), ...publicKeys.slice(33, 66)))).toBe(false)
    expect(musig2.describe(publicKeys).threshold).toBe(3)
  })

  it('is refused where share or public keys have another length', () => {
    const { share, publicKeys } = get(key.made, 1)
    for (const wrong of resized(share)) {
      expectRefused(() => musig2.use.sign.begin({ ...of, index: 1, share: wrong }))
      expect(musig2.isShareOf(1, { share: wrong, publicKeys })).toBe(false)
    }
    for (const wrong of resized(publicKeys).filter(({ length }) => length % 33 !== 0 || length === 0)) {
      expectInvalid(() => musig2.describe(wrong))
      expect(musig2.isShareOf(1, { share, publicKeys: wrong })).toBe(false)
    }
  })
})

describe('a part in making a key', () => {
  it('is spent when it is destroyed, and leaves what it borrowed', () => {
    const secretKey = schnorr.utils.randomSecretKey()
    const step = musig2.make.contribute(start(3, new Map([[1, secretKey]]))(1))
    heldBy(step).destroy()
    expect(() => heldBy(step).go(new Map(), null)).toThrow(expect.objectContaining({ code: 'nonce.spent' }))
    expect(secretKey.every((byte) => byte === 0)).toBe(false)
  })
})

describe('a nonce of MuSig2', () => {
  const input = (index: number) => ({ ...of, index, share: get(key.made, index).share })

  it('signs what it was drawn for, and is spent by anything else', () => {
    const others: Partial<typeof of>[] = [
      { message: random(32) },
      { session: random(32) },
      { tweak: new Uint8Array(0) },
      { publicKeys: get(makeKey(3).made, 1).publicKeys },
    ]
    for (const other of others) {
      const said = commitAll(scheme, key, quorum, of)
      const commitments = heard(1, said, 0, honest)
      const { go } = heldBy(get(said, 1))
      expectInvalid(() => go(commitments, { ...input(1), ...other }))
      expect(() => go(commitments, input(1))).toThrow(expect.objectContaining({ code: 'nonce.spent' }))
    }
  })

  it('of another message spoils the signature, and its owner is named', () => {
    const other = { ...of, message: random(32) }
    const said = new Map([...commitAll(scheme, key, [1, 3], of), ...commitAll(scheme, key, [2], other)])
    const commitments = heard(1, said, 0, honest)
    const partials = eachOf(quorum, (index) => {
      const asked = index === 2 ? { ...input(2), message: other.message } : input(index)
      return doneBy(heldBy(get(said, index)).go(commitments, asked))
    })
    expectNamed(
      failureOf(() => musig2.use.sign.join(of, commitments, partials)),
      ['bad_partial'],
      [2],
    )
  })
})
