import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { MpcError, type ByIndex, type Mpc } from '../../mpc/src/index.ts'
import { orFalse } from './or-false.ts'
import { hold, type Use, type UseInput } from './scheme.ts'

/*
 * Threshold ECDH: the point s·Q of a key's secret s and a peer's point Q. Each share gives its partial with BIP-374's proof that it
 * is its own; a host of the quorum joins them by Lagrange's coefficients.
 */

const POINT = 33
const PARTIAL = 97
const ENTRY = 1 + PARTIAL

const tag = sha256(utf8ToBytes('quorate/ecdh/v1'))

/** What a partial's proof is bound to (32 bytes, BIP-340's tagged hash): the session, the whole quorum, and who of it. */
const messageOf = (session: Uint8Array, quorum: readonly number[], index: number): Uint8Array =>
  sha256(concatBytes(tag, tag, session, Uint8Array.from([quorum.length, ...quorum, index])))

const ascending = (indices: Iterable<number>): number[] => [...indices].sort((a, b) => a - b)

const messagesOf = (session: Uint8Array, quorum: readonly number[]): ByIndex =>
  new Map(quorum.map((index) => [index, messageOf(session, quorum, index)]))

/** The partials of a quorum, ascending, as they stand behind the point. Throws `bad_partial` with who sent one of another length. */
function entriesOf(partials: ByIndex, quorum: readonly number[]): Uint8Array[] {
  const misfits = quorum.filter((index) => partials.get(index)?.length !== PARTIAL)
  if (misfits.length > 0) throw new MpcError('bad_partial', misfits)
  return quorum.map((index) => Uint8Array.of(index, ...(partials.get(index) ?? [])))
}

/** A result taken apart: the shared point (33 bytes), and the partials by index. Null for what is none. */
export function readEcdhResult(result: Uint8Array): Readonly<{ point: Uint8Array; partials: ByIndex }> | null {
  const count = (result.length - POINT) / ENTRY
  if (!Number.isInteger(count) || count < 1) return null
  const at = (nth: number) => POINT + nth * ENTRY
  const entries = Array.from({ length: count }, (_, nth) => result.subarray(at(nth), at(nth + 1)))
  const partials = new Map(entries.map((entry) => [entry[0] ?? 0, entry.subarray(1)]))
  const indices = [...partials.keys()]
  const inOrder = indices.length === count && ascending(indices).every((index, nth) => index === indices[nth])
  return inOrder ? { point: result.subarray(0, POINT), partials } : null
}

function combine(mpc: Mpc, { publicKeys, message: peer, session }: UseInput, partials: ByIndex): Uint8Array {
  const quorum = ascending(partials.keys())
  const messages = messagesOf(session, quorum)
  return mpc.ecdh.combine({ publicKeys, peer, messages, partials })
}

/**
 * ECDH as a use of shares: `message` is Q, 33 bytes (SEC1, compressed). No nonce is drawn, so that round one says nothing but who
 * takes part. The result is the shared point with the partials that prove it: whoever holds it can verify it under the public keys.
 */
export const createEcdhUse = (mpc: Mpc): Use => ({
  takes: (peer) => peer.length === POINT && orFalse(() => mpc.secp256k1.uncompress(peer).length === 65),
  begin: () => ({
    toAll: new Uint8Array(0),
    held: hold([], (_, all, { index, share, message: peer, session }) => {
      const message = messageOf(session, ascending(all.keys()), index)
      return { done: mpc.ecdh.partial({ share, peer, message }) }
    }),
  }),
  join(of, commitments, partials) {
    const quorum = ascending(commitments.keys())
    const entries = entriesOf(partials, quorum)
    return concatBytes(combine(mpc, of, partials), ...entries)
  },
  verify(of, result) {
    const read = readEcdhResult(result)
    return read !== null && orFalse(() => equalBytes(combine(mpc, of, read.partials), read.point))
  },
})
