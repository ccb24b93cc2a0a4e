import { describe, expect, it } from 'vitest'
import { each } from './ceremony.ts'
import { expectFailure } from './failing.ts'
import { nonces, pubkeysOf, signed, signers, xonly } from './musig.ts'
import { watched } from './watched.ts'

describe('MuSig2', () => {
  const { mpc, seen, leavesNothing } = watched()
  const { musig2 } = mpc
  const secretKeys = signers(2)
  const secretKey = secretKeys.get(1)!
  const adaptorSecret = signers(1).get(1)!
  const adaptor = mpc.secp256k1.publicKey(adaptorSecret)
  const k1 = (secnonce: Uint8Array) => secnonce.slice(0, 32)
  const k2 = (secnonce: Uint8Array) => secnonce.slice(32, 64)
  const extraIn = new Uint8Array(0)

  it.each([null, adaptor])('leaves neither secret key nor nonces of a signing, with adaptor %o', (point) => {
    const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, message: new Uint8Array(32), adaptor: point }
    const own = leavesNothing(
      () => musig2.nonceGen({ ...session, secretKey, extraIn }),
      ({ secnonce }) => [secretKey, k1(secnonce), k2(secnonce)],
    )
    const other = musig2.nonceGen({ ...session, secretKey: secretKeys.get(2)!, extraIn })
    const pubnonces = each([1, 2], (index) => (index === 1 ? own : other).pubnonce)
    const aggnonce = musig2.nonceAgg({ pubnonces })
    const given = { ...session, secretKey, secnonce: own.secnonce, aggnonce }
    leavesNothing(
      () => musig2.sign(given),
      (psig) => [secretKey, k1(own.secnonce), k2(own.secnonce), psig],
    )
    leavesNothing(
      () => expectFailure(() => musig2.sign({ ...given, aggnonce: new Uint8Array(65) }), 'invalid_input'),
      () => [secretKey, k1(own.secnonce), k2(own.secnonce)],
    )
  })

  it('leaves no adaptor’s secret', () => {
    const session = { pubkeys: pubkeysOf(secretKeys), message: new Uint8Array(32), adaptor }
    const preSignature = musig2.partialSigAgg(signed(musig2, secretKeys, session))
    const pre = { publicKey: xonly(musig2, session), message: session.message, adaptor, preSignature }
    const signature = leavesNothing(
      () => musig2.adapt({ ...pre, secret: adaptorSecret }),
      () => [adaptorSecret],
    )
    leavesNothing(
      () => musig2.extract({ ...pre, signature }),
      (secret) => [secret],
    )
  })

  it('leaves no secrets that it added up', () => {
    const [one, other] = [...secretKeys.values()] as [Uint8Array, Uint8Array]
    const secrets = new Map([
      [1, one],
      [2, other],
    ])
    const sum = leavesNothing(
      () => musig2.sumSecrets({ secrets }),
      (made) => [one, other, made],
    )
    leavesNothing(
      () => musig2.sumSecrets({ secrets: new Map([[1, one]]), of: sum }),
      (rest) => [one, sum, rest],
    )
  })

  it('leaves no copy where the crate’s nonce lies, which is not wiped when it is dropped', () => {
    const session = { pubkeys: pubkeysOf(secretKeys), message: new Uint8Array(32) }
    const { secnonce } = musig2.nonceGen({ ...session, secretKey, extraIn })
    const aggnonce = musig2.nonceAgg({ pubnonces: nonces(musig2, secretKeys, session).pubnonces })
    musig2.sign({ ...session, secretKey, secnonce, aggnonce })
    // As k256 holds it: eight limbs of 32 bits, little endian, which is the reverse of the bytes.
    const limbs = k1(secnonce).reverse()
    expect(seen.ended.includes(limbs)).toBe(true)
    expect(seen.wiped.includes(limbs)).toBe(false)
  })

  it('draws no nonce where there is no randomness', () => {
    const broken = watched({
      random: () => {
        throw new Error('no entropy')
      },
    })
    const session = { pubkeys: pubkeysOf(secretKeys), message: new Uint8Array(32), secretKey, extraIn }
    expectFailure(() => broken.mpc.musig2.nonceGen(session), 'trapped')
    expect(broken.seen.ended.includes(secretKey)).toBe(true)
    expect(broken.seen.wiped.every((byte) => byte === 0)).toBe(true)
  })

  it('traps at nothing that a peer sends', () => {
    const session = { pubkeys: pubkeysOf(secretKeys), message: new Uint8Array(32), adaptor }
    const all = signed(musig2, secretKeys, session)
    const changed = (bytes: Uint8Array) =>
      [...bytes.keys()].flatMap((at) => [
        bytes.with(at, bytes[at]! ^ 0x80),
        bytes.with(at, bytes[at]! ^ 0x7f),
        bytes.slice(0, at),
      ])
    const refused = (name: 'pubkeys' | 'pubnonces' | 'psigs') => {
      for (const bytes of changed(all[name].get(2)!)) {
        const sent = { ...all, [name]: new Map(all[name]).set(2, bytes) }
        expect(() => musig2.partialSigAgg(sent)).toThrow(/bad_(package|partial)/)
      }
    }
    for (const name of ['pubkeys', 'pubnonces', 'psigs'] as const) refused(name)
  })
})
