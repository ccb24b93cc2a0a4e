import { equalBytes } from '@noble/ciphers/utils.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex } from '../../mpc/src/index.ts'
import { indicesTo } from './heard.ts'
import { factsOf } from './table.ts'

/*
 * The public keys of a key of MuSig2: a byte that says their order (1: KeySort, 0: as they stand), then those of all (33 bytes each), in
 * the order of their indices. For a sub-group 33 zeros stand in the place of everybody else.
 */

export const KEY = 33
const { fits } = factsOf('musig2')

/** `participants`: of the whole key. `pubkeys`: of those who sign. */
export type PublicKeys = Readonly<{ sorted: boolean; participants: number; pubkeys: ByIndex }>

const isThere = (key: Uint8Array): boolean => key.some((byte) => byte !== 0)

/** The keys by index, and their order. Throws `invalid_input` for what is no list of them. */
export function readKeys(publicKeys: Uint8Array): PublicKeys {
  const [order] = publicKeys
  const participants = (publicKeys.length - 1) / KEY
  const at = (nth: number) => 1 + nth * KEY
  if (!Number.isInteger(participants) || (order !== 0 && order !== 1)) throw new MpcError('invalid_input')
  const listed = indicesTo(participants).map((index) => [index, publicKeys.subarray(at(index - 1), at(index))] as const)
  const pubkeys = new Map(listed.filter(([, key]) => isThere(key)))
  if (!fits(participants, participants) || !fits(pubkeys.size, pubkeys.size)) throw new MpcError('invalid_input')
  return { sorted: order === 1, participants, pubkeys }
}

const absent = new Uint8Array(KEY)

export const writeKeys = ({ sorted, participants, pubkeys }: PublicKeys): Uint8Array =>
  concatBytes(Uint8Array.of(sorted ? 1 : 0), ...indicesTo(participants).map((index) => pubkeys.get(index) ?? absent))

export function subgroupOf(publicKeys: Uint8Array, members: readonly number[]): Uint8Array {
  const keys = readKeys(publicKeys)
  const pubkeys = new Map([...keys.pubkeys].filter(([index]) => members.includes(index)))
  if (pubkeys.size !== members.length || !fits(pubkeys.size, pubkeys.size)) throw new MpcError('invalid_input')
  return writeKeys({ ...keys, pubkeys })
}

export const occurs = (pubkeys: ByIndex, key: Uint8Array): number =>
  [...pubkeys.values()].filter((one) => equalBytes(one, key)).length
