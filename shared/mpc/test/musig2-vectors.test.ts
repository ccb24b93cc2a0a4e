import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { numberToBytesBE } from '@noble/curves/utils.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { readModule } from '../src/load.ts'
import { loadMpc, type AggregateKey, type KeyTweak } from '../src/index.ts'
import { createCall } from '../src/instance.ts'
import { expectFailure } from './failing.ts'
import { taggedHash } from './musig.ts'
import { hex, vectorJson } from './vectors.ts'

// The BIP counts signers from 0 in its vectors and from 1 in its text, as we do.

const { musig2 } = await loadMpc()
const module = await readModule()

type Refused = { error: { type: 'invalid_contribution' | 'value'; signer?: number | null; contrib?: string } }
type Commented = { comment?: string }
type Tweaked = { tweak_indices: number[]; is_xonly: boolean[] }

const pick = (list: string[], indices: number[]) => new Map(indices.map((at, i) => [i + 1, hex(list[at]!)]))
const keysOf = (list: string[], indices: number[]): AggregateKey => ({ pubkeys: pick(list, indices) })
const tweaksOf = (list: string[], { tweak_indices, is_xonly }: Tweaked): KeyTweak[] =>
  tweak_indices.map((at, i) => ({ kind: is_xonly[i] ? 'xonly' : 'plain', tweak: hex(list[at]!) }))

/** What the BIP says of a failure: whose contribution was wrong, or nobody's. */
function expectRefused(call: () => unknown, { error }: Refused) {
  const named = error.type === 'invalid_contribution' && typeof error.signer === 'number'
  if (!named) expectFailure(call, 'invalid_input')
  else expectFailure(call, 'bad_package', [error.signer! + 1])
}

describe('BIP-327, KeyAgg', () => {
  const vector = vectorJson('bip327/key_agg_vectors.json') as {
    pubkeys: string[]
    tweaks: string[]
    valid_test_cases: { key_indices: number[]; expected: string }[]
    error_test_cases: (Refused & Tweaked & { key_indices: number[] } & Commented)[]
  }

  it.each(vector.valid_test_cases)('gives keys $key_indices the key $expected', ({ key_indices, expected }) => {
    expect(musig2.keyAgg(keysOf(vector.pubkeys, key_indices)).slice(1)).toEqual(hex(expected))
  })

  it.each(vector.error_test_cases)('refuses: $comment', (refused) => {
    const key = { ...keysOf(vector.pubkeys, refused.key_indices), tweaks: tweaksOf(vector.tweaks, refused) }
    expectRefused(() => musig2.keyAgg(key), refused)
  })

  it('has nine cases', () => {
    expect([vector.valid_test_cases.length, vector.error_test_cases.length]).toEqual([4, 5])
  })
})

describe('BIP-327, KeySort', () => {
  const vector = vectorJson('bip327/key_sort_vectors.json') as { pubkeys: string[]; sorted_pubkeys: string[] }
  const all = vector.pubkeys.map((_, at) => at)

  it('orders the keys as published before they are aggregated', () => {
    const published = musig2.keyAgg(keysOf(vector.sorted_pubkeys, all))
    expect(musig2.keyAgg({ ...keysOf(vector.pubkeys, all), sorted: true })).toEqual(published)
    expect(musig2.keyAgg({ ...keysOf(vector.pubkeys.toReversed(), all), sorted: true })).toEqual(published)
    expect(musig2.keyAgg(keysOf(vector.pubkeys, all))).not.toEqual(published)
  })
})

describe('BIP-327, NonceGen', () => {
  type Case = Record<'rand_' | 'pk' | 'expected_secnonce' | 'expected_pubnonce', string> &
    Record<'sk' | 'aggpk' | 'msg' | 'extra_in', string | null>
  const { test_cases } = vectorJson('bip327/nonce_gen_vectors.json') as { test_cases: Case[] }

  it.each(test_cases)('draws $expected_pubnonce', (one) => {
    const call = createCall(module, { random: (into) => into.set(hex(one.rand_)) })
    const given = [one.sk ?? '', one.pk, one.aggpk ?? ''].map(hex)
    const items = [...given, Number(one.msg !== null), hex(one.msg ?? ''), hex(one.extra_in ?? '')]
    expect(call((3 << 8) | 2, items)).toEqual([hex(one.expected_secnonce), hex(one.expected_pubnonce)])
  })

  it('has four cases, of messages of several lengths and of none', () => {
    expect(test_cases.map(({ msg }) => msg?.length)).toEqual([64, 0, 76, undefined])
  })
})

describe('BIP-327, NonceAgg', () => {
  const vector = vectorJson('bip327/nonce_agg_vectors.json') as {
    pnonces: string[]
    valid_test_cases: ({ pnonce_indices: number[]; expected: string } & Commented)[]
    error_test_cases: (Refused & { pnonce_indices: number[] } & Commented)[]
  }

  it.each(vector.valid_test_cases)('adds up to $expected', ({ pnonce_indices, expected }) => {
    expect(musig2.nonceAgg({ pubnonces: pick(vector.pnonces, pnonce_indices) })).toEqual(hex(expected))
  })

  it.each(vector.error_test_cases)('refuses: $comment', (refused) => {
    expectRefused(() => musig2.nonceAgg({ pubnonces: pick(vector.pnonces, refused.pnonce_indices) }), refused)
  })

  it('has five cases', () => {
    expect([vector.valid_test_cases.length, vector.error_test_cases.length]).toEqual([2, 3])
  })
})

describe('BIP-327, Sign and PartialSigVerify', () => {
  type Signing = { key_indices: number[]; msg_index: number } & Commented
  type Verifying = Signing & { sig: string; nonce_indices: number[]; signer_index: number }
  const vector = vectorJson('bip327/sign_verify_vectors.json') as Record<
    'pubkeys' | 'secnonces' | 'pnonces' | 'aggnonces' | 'msgs',
    string[]
  > & {
    sk: string
    valid_test_cases: (Signing & Omit<Verifying, 'sig'> & { aggnonce_index: number; expected: string })[]
    sign_error_test_cases: (Signing & Refused & { aggnonce_index: number; secnonce_index: number })[]
    verify_fail_test_cases: Verifying[]
    verify_error_test_cases: (Verifying & Refused)[]
  }
  const sessionOf = (one: Signing) => ({
    ...keysOf(vector.pubkeys, one.key_indices),
    message: hex(vector.msgs[one.msg_index]!),
  })
  const signing = (one: Signing & { aggnonce_index: number }, secnonce: number) => ({
    ...sessionOf(one),
    aggnonce: hex(vector.aggnonces[one.aggnonce_index]!),
    secretKey: hex(vector.sk),
    secnonce: hex(vector.secnonces[secnonce]!),
  })
  const verifying = (one: Omit<Verifying, 'sig'>, psig: string) => ({
    ...sessionOf(one),
    pubnonces: pick(vector.pnonces, one.nonce_indices),
    index: one.signer_index + 1,
    psig: hex(psig),
  })

  it.each(vector.valid_test_cases)('signs and verifies $expected $comment', (one) => {
    expect(musig2.sign(signing(one, 0))).toEqual(hex(one.expected))
    expect(musig2.partialSigVerify(verifying(one, one.expected))).toBe(true)
    const { pubnonces } = verifying(one, one.expected)
    expect(musig2.nonceAgg({ pubnonces })).toEqual(hex(vector.aggnonces[one.aggnonce_index]!))
  })

  it.each(vector.sign_error_test_cases)('does not sign: $comment', (one) => {
    expectRefused(() => musig2.sign(signing(one, one.secnonce_index)), one)
  })

  it.each(vector.verify_fail_test_cases)('does not verify: $comment', (one) => {
    expect(musig2.partialSigVerify(verifying(one, one.sig))).toBe(false)
  })

  it.each(vector.verify_error_test_cases)('refuses to verify: $comment', (one) => {
    expectRefused(() => musig2.partialSigVerify(verifying(one, one.sig)), one)
  })

  it('has 17 cases, of both halves of the nonce at infinity too', () => {
    const { valid_test_cases, sign_error_test_cases, verify_fail_test_cases, verify_error_test_cases } = vector
    const all = [valid_test_cases, sign_error_test_cases, verify_fail_test_cases, verify_error_test_cases]
    expect(all.map(({ length }) => length)).toEqual([6, 6, 3, 2])
    const nonces = valid_test_cases.map((one) => hex(vector.aggnonces[one.aggnonce_index]!))
    expect(nonces.filter((nonce) => nonce.every((byte) => byte === 0))).toHaveLength(1)
  })
})

describe('BIP-327, tweaks', () => {
  type Case = Tweaked & Commented & { key_indices: number[]; nonce_indices: number[]; signer_index: number }
  const vector = vectorJson('bip327/tweak_vectors.json') as Record<'pubkeys' | 'pnonces' | 'tweaks', string[]> &
    Record<'sk' | 'secnonce' | 'aggnonce' | 'msg', string> & {
      valid_test_cases: (Case & { expected: string })[]
      error_test_cases: (Case & Refused)[]
    }
  const signing = (one: Case) => ({
    ...keysOf(vector.pubkeys, one.key_indices),
    tweaks: tweaksOf(vector.tweaks, one),
    message: hex(vector.msg),
    aggnonce: hex(vector.aggnonce),
    secretKey: hex(vector.sk),
    secnonce: hex(vector.secnonce),
  })

  it.each(vector.valid_test_cases)('signs with: $comment', (one) => {
    const psig = musig2.sign(signing(one))
    expect(psig).toEqual(hex(one.expected))
    const pubnonces = pick(vector.pnonces, one.nonce_indices)
    const given = { ...signing(one), pubnonces, index: one.signer_index + 1, psig }
    expect(musig2.partialSigVerify(given)).toBe(true)
    expect(musig2.partialSigVerify({ ...given, tweaks: [] })).toBe(false)
  })

  it.each(vector.error_test_cases)('refuses: $comment', (one) => {
    expectRefused(() => musig2.sign(signing(one)), one)
  })

  it('has six cases', () => {
    expect([vector.valid_test_cases.length, vector.error_test_cases.length]).toEqual([5, 1])
  })
})

describe('BIP-327, PartialSigAgg', () => {
  type Case = Tweaked &
    Commented & { aggnonce: string; key_indices: number[]; nonce_indices: number[]; psig_indices: number[] }
  const vector = vectorJson('bip327/sig_agg_vectors.json') as Record<
    'pubkeys' | 'pnonces' | 'tweaks' | 'psigs',
    string[]
  > & { msg: string; valid_test_cases: (Case & { expected: string })[]; error_test_cases: (Case & Refused)[] }
  const given = (one: Case) => ({
    ...keysOf(vector.pubkeys, one.key_indices),
    tweaks: tweaksOf(vector.tweaks, one),
    message: hex(vector.msg),
    pubnonces: pick(vector.pnonces, one.nonce_indices),
    psigs: pick(vector.psigs, one.psig_indices),
  })

  it.each(vector.valid_test_cases)('gives $expected, which verifies', (one) => {
    const session = given(one)
    expect(musig2.nonceAgg(session)).toEqual(hex(one.aggnonce))
    const signature = musig2.partialSigAgg(session)
    expect(signature).toEqual(hex(one.expected))
    expect(schnorr.verify(signature, session.message, musig2.keyAgg(session).slice(1))).toBe(true)
  })

  // The BIP names whose partial cannot be read. Here the other one is of another signer, and named too.
  it.each(vector.error_test_cases)('refuses: $comment', (one) => {
    const session = given(one)
    const wrong = [...session.psigs].filter(([index, psig]) => !musig2.partialSigVerify({ ...session, index, psig }))
    expectFailure(
      () => musig2.partialSigAgg(session),
      'bad_partial',
      wrong.map(([index]) => index),
    )
    expect([one.error.contrib, wrong.map(([index]) => index)]).toEqual(['psig', [1, one.error.signer! + 1]])
  })

  it('has five cases', () => {
    expect([vector.valid_test_cases.length, vector.error_test_cases.length]).toEqual([4, 1])
  })
})

// Nobody here signs deterministically, and the crate cannot: the nonces are the test's own. The rest goes through the door.
describe('BIP-327, DeterministicSign, with nonces made by the test', () => {
  type Case = Commented & {
    rand: string | null
    aggothernonce: string
    key_indices: number[]
    tweaks: string[]
    is_xonly: boolean[]
    msg_index: number
    signer_index: number
  }
  const vector = vectorJson('bip327/det_sign_vectors.json') as Record<'pubkeys' | 'msgs', string[]> & {
    sk: string
    valid_test_cases: (Case & { expected: [string, string] })[]
    error_test_cases: (Case & Refused)[]
  }
  const { Point } = secp256k1
  const { Fn } = Point

  function deterministicSign(one: Case): Uint8Array[] {
    const key = {
      ...keysOf(vector.pubkeys, one.key_indices),
      tweaks: one.tweaks.map((tweak, i): KeyTweak => ({
        kind: one.is_xonly[i] ? 'xonly' : 'plain',
        tweak: hex(tweak),
      })),
    }
    const [message, secretKey, other] = [hex(vector.msgs[one.msg_index]!), hex(vector.sk), hex(one.aggothernonce)]
    const masked =
      one.rand === null ? secretKey : taggedHash('MuSig/aux', hex(one.rand)).map((b, i) => b ^ secretKey[i]!)
    const aggpk = musig2.keyAgg(key).slice(1)
    const length = numberToBytesBE(message.length, 8)
    const scalars = [0, 1].map((i) => {
      const parts = [masked, other, aggpk, length, message, Uint8Array.of(i)]
      return Fn.create(BigInt(`0x${bytesToHex(taggedHash('MuSig/deterministic/nonce', ...parts))}`))
    })
    const pubnonce = concatBytes(...scalars.map((k) => Point.BASE.multiply(k).toBytes(true)))
    const secnonce = concatBytes(...scalars.map((k) => Fn.toBytes(k)), secp256k1.getPublicKey(secretKey, true))
    const pubnonces = new Map([pubnonce, other].map((nonce, i) => [i + 1, nonce]))
    const aggnonce = musig2.nonceAgg({ pubnonces })
    return [pubnonce, musig2.sign({ ...key, message, aggnonce, secretKey, secnonce })]
  }

  it.each(vector.valid_test_cases)('signs as published: $key_indices, $tweaks', (one) => {
    expect(deterministicSign(one)).toEqual(one.expected.map(hex))
  })

  it.each(vector.error_test_cases)('refuses: $comment', (one) => {
    // The other signers' sum is the second nonce here; the BIP names nobody for it.
    if (one.error.contrib === 'aggothernonce') expectFailure(() => deterministicSign(one), 'bad_package', [2])
    else expectRefused(() => deterministicSign(one), one)
  })

  it('has nine cases', () => {
    expect([vector.valid_test_cases.length, vector.error_test_cases.length]).toEqual([4, 5])
  })
})
