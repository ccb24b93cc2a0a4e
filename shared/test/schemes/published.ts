import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import { hex, vectorJson, vectorText } from '../../mpc/test/vectors.ts'
import type { Verification } from '../../src/schemes/table.ts'

type Vector = Readonly<{ publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array; valid: boolean }>

function bip340(): Vector[] {
  const rows = vectorText('bip340/test-vectors.csv').trim().split(/\r?\n/).slice(1)
  return rows.map((row) => {
    const [, , publicKey = '', , message = '', signature = '', result] = row.split(',')
    return { publicKey: hex(publicKey), message: hex(message), signature: hex(signature), valid: result === 'TRUE' }
  })
}

type Wycheproof = Readonly<{
  testGroups: { publicKey: { pk: string }; tests: { msg: string; sig: string; result: string }[] }[]
}>

function ed25519Vectors(): Vector[] {
  const { testGroups } = vectorJson('wycheproof/ed25519_test.json') as Wycheproof
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ msg, sig, result }) => {
      return { publicKey: hex(publicKey.pk), message: hex(msg), signature: hex(sig), valid: result === 'valid' }
    }),
  )
}

/** Published signatures, good and bad. */
export const vectors: Readonly<Record<Verification, () => Vector[]>> = { bip340, ed25519: ed25519Vectors }

/** Another implementation of the same verification. */
export const referees: Readonly<Record<Verification, (of: Omit<Vector, 'valid'>) => boolean>> = {
  bip340: ({ publicKey, message, signature }) => schnorr.verify(signature, message, publicKey),
  ed25519: ({ publicKey, message, signature }) => ed25519.verify(signature, message, publicKey),
}

/** The public key of a secret key, by that implementation. */
export const publicKeysFrom: Readonly<Record<Verification, (secretKey: Uint8Array) => Uint8Array>> = {
  bip340: schnorr.getPublicKey,
  ed25519: ed25519.getPublicKey,
}

type Bip341 = Readonly<{
  scriptPubKey: {
    given: { internalPubkey: string }
    intermediary: { merkleRoot: string | null; tweakedPubkey: string }
  }[]
}>

/** BIP-341's group keys, tweaks and output keys. */
export const outputKeys = () =>
  (vectorJson('bip341/wallet-test-vectors.json') as Bip341).scriptPubKey.map(({ given, intermediary }) => ({
    groupKey: hex(given.internalPubkey),
    tweak: { kind: 'taproot' as const, tweak: hex(intermediary.merkleRoot ?? '') },
    outputKey: hex(intermediary.tweakedPubkey),
  }))
