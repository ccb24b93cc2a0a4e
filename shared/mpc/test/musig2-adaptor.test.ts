import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadMpc, type KeyTweak, type MusigSession, type PreSigned } from '../src/index.ts'
import { scalar } from './encoding.ts'
import { expectFailure } from './failing.ts'
import { nonces, publicKey, pubkeysOf, signed, signers, taggedHash, xonly, type Signers } from './musig.ts'
import { bip341 } from './bip341.ts'
import { hex } from './vectors.ts'

const { musig2 } = await loadMpc()
const { Point } = secp256k1

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const secretKey = () => schnorr.utils.randomSecretKey()
const flip = (bytes: Uint8Array, at: number) => bytes.with(at, bytes[at]! ^ 1)
const taproot: KeyTweak = { kind: 'taproot', tweak: new Uint8Array(0) }

type Sides = { secretKeys: Signers; message: Uint8Array; adaptor: Uint8Array; tweaks?: KeyTweak[] }

/** What signers give whoever waits for the adaptor's secret. */
function preSigned({ secretKeys, message, adaptor, tweaks = [] }: Sides): PreSigned {
  const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, tweaks, message, adaptor }
  const preSignature = musig2.partialSigAgg(signed(musig2, secretKeys, session))
  return { publicKey: xonly(musig2, session), message, adaptor, preSignature }
}

const scalarBytes = fc.constant(null).map(secretKey)

describe('an adaptor signature', () => {
  it('becomes a signature by the secret, and the signature gives the secret away', () => {
    const shape = {
      n: fc.integer({ min: 1, max: 3 }),
      secret: scalarBytes,
      other: scalarBytes,
      message: fc.uint8Array({ maxLength: 80 }),
      tweaks: fc.constantFrom<KeyTweak[]>([], [taproot], [{ kind: 'plain', tweak: secretKey() }, taproot]),
    }
    fc.assert(
      fc.property(fc.record(shape), ({ n, secret, other, message, tweaks }) => {
        const pre = preSigned({ secretKeys: signers(n), message, adaptor: publicKey(secret), tweaks })
        expect(pre.preSignature).toHaveLength(65)
        expect(musig2.verifyPreSignature(pre)).toBe(true)
        const signature = musig2.adapt({ ...pre, secret })
        expect(schnorr.verify(signature, message, pre.publicKey)).toBe(true)
        expect(musig2.extract({ ...pre, signature })).toEqual(secret)
        expectFailure(() => musig2.adapt({ ...pre, secret: other }), 'invalid_input')
      }),
      { numRuns: 40 },
    )
  })
})

const secretKeys = signers(2)
const secret = secretKey()
const adaptor = publicKey(secret)
const message = random(32)
const pre = preSigned({ secretKeys, message, adaptor })
const signature = musig2.adapt({ ...pre, secret })

describe('a pre-signature', () => {
  it('is no signature, and none without the secret', () => {
    const { preSignature, publicKey: key } = pre
    expect(schnorr.verify(concatBytes(preSignature.slice(1, 33), preSignature.slice(33)), message, key)).toBe(false)
  })

  it('is of one key, message and adaptor, and does not bear a changed bit', () => {
    const others: Partial<PreSigned>[] = [
      { publicKey: schnorr.getPublicKey(secretKey()) },
      { message: flip(message, 0) },
      { adaptor: publicKey(secretKey()) },
      { adaptor: Point.fromBytes(adaptor).negate().toBytes(true) },
      ...[0, 1, 32, 33, 64].map((at) => ({ preSignature: flip(pre.preSignature, at) })),
      { preSignature: pre.preSignature.slice(1) },
      { preSignature: concatBytes(new Uint8Array(33), pre.preSignature.slice(33)) },
      { preSignature: concatBytes(pre.preSignature.slice(0, 33), scalar('frost-secp256k1-tr', Point.Fn.ORDER)) },
      { preSignature: new Uint8Array(0) },
    ]
    for (const other of others) {
      expect(musig2.verifyPreSignature({ ...pre, ...other })).toBe(false)
      expectFailure(() => musig2.adapt({ ...pre, ...other, secret }), 'invalid_signature')
      expectFailure(() => musig2.extract({ ...pre, ...other, signature }), 'invalid_signature')
    }
  })

  it('is refused with a key or an adaptor that is no point', () => {
    for (const wrong of [
      new Uint8Array(33),
      new Uint8Array(0),
      adaptor.slice(1),
      Uint8Array.of(4, ...adaptor.slice(1)),
    ]) {
      expectFailure(() => musig2.verifyPreSignature({ ...pre, adaptor: wrong }), 'invalid_input')
      const session = { pubkeys: pubkeysOf(secretKeys), message, adaptor: wrong }
      // No bytes are no adaptor.
      if (wrong.length > 0) expectFailure(() => nonces(musig2, secretKeys, session), 'invalid_input')
    }
    expectFailure(() => musig2.verifyPreSignature({ ...pre, publicKey: new Uint8Array(32).fill(255) }), 'invalid_input')
  })

  it('takes no secret that is zero, its negative, or beyond the order', () => {
    const negative = Point.Fn.toBytes(Point.Fn.neg(Point.Fn.fromBytes(secret)))
    const order = scalar('frost-secp256k1-tr', Point.Fn.ORDER)
    for (const wrong of [new Uint8Array(32), negative, order, secret.slice(1), flip(secret, 31)]) {
      expectFailure(() => musig2.adapt({ ...pre, secret: wrong }), 'invalid_input')
    }
  })

  it('gives nothing away with a signature that was not made of it', () => {
    const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, message }
    const another = musig2.partialSigAgg(signed(musig2, secretKeys, session))
    expect(schnorr.verify(another, message, pre.publicKey)).toBe(true)
    expectFailure(() => musig2.extract({ ...pre, signature: another }), 'invalid_input')
    for (const wrong of [flip(signature, 0), flip(signature, 63), signature.slice(1), new Uint8Array(64)]) {
      expect(() => musig2.extract({ ...pre, signature: wrong })).toThrow(/invalid_(input|signature)/)
    }
  })
})

describe('signing with an adaptor', () => {
  const session: MusigSession = { pubkeys: pubkeysOf(secretKeys), sorted: true, message, adaptor }

  it('names who sends a wrong partial, or one for another adaptor or for none', () => {
    const round = nonces(musig2, secretKeys, session)
    const all = signed(musig2, secretKeys, session, round)
    for (const other of [null, publicKey(secretKey())]) {
      const theirs = signed(musig2, secretKeys, { ...session, adaptor: other }, round)
      const psigs = new Map(all.psigs).set(2, theirs.psigs.get(2)!)
      expectFailure(() => musig2.partialSigAgg({ ...all, psigs }), 'bad_partial', [2])
      expect(musig2.partialSigVerify({ ...all, index: 2, psig: psigs.get(2)! })).toBe(false)
      expect(musig2.partialSigVerify({ ...all, index: 1, psig: psigs.get(1)! })).toBe(true)
    }
  })

  // Else whoever chooses T last could search for the challenges of many sessions (Wagner), as if there were one nonce.
  it('binds the signers’ nonce to the adaptor', () => {
    const round = nonces(musig2, secretKeys, session)
    const nonceWith = (point: Uint8Array) =>
      musig2.partialSigAgg(signed(musig2, secretKeys, { ...session, adaptor: point }, round)).slice(0, 33)
    expect(nonceWith(adaptor)).toEqual(nonceWith(adaptor))
    expect(nonceWith(adaptor)).not.toEqual(nonceWith(publicKey(secretKey())))
  })

  it('adds the adaptor to the first nonce, as secp256k1-zkp does, by a referee', () => {
    const round = nonces(musig2, secretKeys, session)
    const preSignature = musig2.partialSigAgg(signed(musig2, secretKeys, session, round))
    const aggnonce = musig2.nonceAgg(round)
    const [r1, r2] = [aggnonce.slice(0, 33), aggnonce.slice(33)].map((half) => Point.fromBytes(half))
    const shifted = r1!.add(Point.fromBytes(adaptor)).toBytes(true)
    const hash = taggedHash('MuSig/noncecoef', shifted, r2!.toBytes(true), xonly(musig2, session), message)
    const b = Point.Fn.create(BigInt(`0x${bytesToHex(hash)}`))
    expect(preSignature.slice(0, 33)).toEqual(r1!.add(r2!.multiply(b)).toBytes(true))
  })
})

describe('an atomic swap', () => {
  const [first, second] = bip341.keyPathSpending.flatMap((one) =>
    one.inputSpending.map(({ intermediary }) => hex(intermediary.sigHash)),
  )

  it('pays both or neither: the signature of one leg completes the other', () => {
    const t = secretKey()
    const locks = { adaptor: publicKey(t), tweaks: [taproot] }
    const toAlice = preSigned({ secretKeys: signers(2), message: first!, ...locks })
    const toBob = preSigned({ secretKeys: signers(2), message: second!, ...locks })
    // Alice knows t. Her payment shows it to Bob, who knows it from nowhere else.
    const paid = musig2.adapt({ ...toAlice, secret: t })
    const learned = musig2.extract({ ...toAlice, signature: paid })
    const claimed = musig2.adapt({ ...toBob, secret: learned })
    expect(schnorr.verify(paid, first!, toAlice.publicKey)).toBe(true)
    expect(schnorr.verify(claimed, second!, toBob.publicKey)).toBe(true)
  })
})
