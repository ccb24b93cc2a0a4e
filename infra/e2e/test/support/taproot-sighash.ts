import { createHash } from 'node:crypto'
import { schnorr } from '@noble/curves/secp256k1.js'

/*
 * BIP-341's digest of an input that is spent by key path, for SIGHASH_DEFAULT, as the text of the BIP has it.
 */

export type Input = Readonly<{ txid: Uint8Array; vout: number; sequence: number; spends: Output }>
/** `amount` in satoshi. `script`: what it pays to. */
export type Output = Readonly<{ amount: bigint; script: Uint8Array }>
export type Transaction = Readonly<{
  version: number
  inputs: readonly Input[]
  outputs: readonly Output[]
  locktime: number
}>

const sha256 = (...parts: Uint8Array[]): Uint8Array => createHash('sha256').update(Buffer.concat(parts)).digest()

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

/** With its length before it, which is below 253. */
const withLength = (bytes: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(bytes.length), bytes])

const outputOf = ({ amount, script }: Output): Uint8Array => Buffer.concat([u64(amount), withLength(script)])

/** The digest that is signed for input `at` (0…). 32 bytes. */
export function taprootSighash({ version, inputs, outputs, locktime }: Transaction, at: number): Uint8Array {
  return schnorr.utils.taggedHash(
    'TapSighash',
    // The epoch, and the type of hash.
    Uint8Array.of(0, 0),
    u32(version),
    u32(locktime),
    sha256(...inputs.map(({ txid, vout }) => Buffer.concat([txid, u32(vout)]))),
    sha256(...inputs.map(({ spends }) => u64(spends.amount))),
    sha256(...inputs.map(({ spends }) => withLength(spends.script))),
    sha256(...inputs.map(({ sequence }) => u32(sequence))),
    sha256(...outputs.map(outputOf)),
    // Key path, and no annex.
    Uint8Array.of(0),
    u32(at),
  )
}

/** What an output key is paid by (BIP-341): OP_1 and the key. */
export const payTo = (outputKey: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(0x51, 32), outputKey])

/** An unsigned transaction of few inputs and outputs, as bytes; and what its inputs spend. */
export function readTransaction(raw: Uint8Array, spent: readonly Output[]): Transaction {
  const bytes = Buffer.from(raw)
  let place = 0
  const skip = (count: number): number => (place += count) - count
  const number = () => bytes.readUInt32LE(skip(4))
  const take = (count: number) => bytes.subarray(skip(count), place)
  const list = <T>(entry: (at: number) => T): T[] =>
    Array.from({ length: bytes.readUInt8(skip(1)) }, (_, at) => entry(at))
  const version = number()
  const inputs = list((at) => {
    const [txid, vout] = [take(32), number()]
    skip(bytes.readUInt8(skip(1)))
    return { txid, vout, sequence: number(), spends: spent[at]! }
  })
  const outputs = list(() => ({ amount: bytes.readBigUInt64LE(skip(8)), script: take(bytes.readUInt8(skip(1))) }))
  return { version, inputs, outputs, locktime: number() }
}
