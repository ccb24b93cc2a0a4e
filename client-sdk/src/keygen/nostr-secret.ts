import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { bech32 } from '@scure/base'
import { QuorateError } from '../errors.ts'

/*
 * How Nostr's people keep a BIP-340 secret key: NIP-19's nsec, and NIP-49's ncryptsec under a password. A text cannot be wiped: who
 * reads it lets go of it.
 */

const LONGEST = 200
const KEY = 32
/** NIP-49: version, log n, salt, nonce, how safely the key was kept, and the sealed key with its tag. */
const at = { version: 0, logN: 1, salt: 2, nonce: 18, safety: 42, sealed: 43, end: 91 } as const
/** 1 GiB of memory, which scrypt needs for n = 2^20 and r = 8. */
const MOST_LOG_N = 20

const invalid = (issue: string): never => {
  throw new QuorateError('secret.invalid', 'client', { issues: [issue] })
}

/** The bytes of a bech32 text (BIP-173) with this prefix. */
function decode(prefix: string, text: string): Uint8Array {
  const read = bech32.decodeUnsafe(text.trim(), LONGEST)
  if (read?.prefix !== prefix) return invalid(`a text that begins with ${prefix}1 is expected, without a typing error`)
  try {
    return bech32.fromWordsUnsafe(read.words) ?? invalid(`${prefix}: padding that is none`)
  } finally {
    read.words.fill(0)
  }
}

/** Reads an nsec (NIP-19): 32 bytes, which the caller wipes. Throws `secret.invalid`. */
export function readNsec(text: string): Uint8Array {
  const key = decode('nsec', text)
  if (key.length === KEY) return key
  key.fill(0)
  return invalid('nsec: 32 bytes are expected')
}

/**
 * Opens an ncryptsec (NIP-49) with its password: 32 bytes, which the caller wipes. It takes as much time and memory as whoever wrote it
 * wished, 1 GiB at most. Throws `secret.invalid`, also for another password.
 */
export async function openNcryptsec(text: string, password: string): Promise<Uint8Array> {
  const bytes = decode('ncryptsec', text)
  if (bytes.length !== at.end || bytes[at.version] !== 2) return invalid('ncryptsec: version 2 is expected')
  const logN = bytes[at.logN] ?? 0
  if (logN < 1 || logN > MOST_LOG_N) return invalid(`ncryptsec: log n is ${logN}, and 1 to ${MOST_LOG_N} are taken`)
  const cost = { N: 2 ** logN, r: 8, p: 1, dkLen: 32, maxmem: 2 ** (MOST_LOG_N + 10) + 2 ** 20 }
  const key = await scryptAsync(password.normalize('NFKC'), bytes.subarray(at.salt, at.nonce), cost)
  try {
    const safety = bytes.subarray(at.safety, at.sealed)
    return xchacha20poly1305(key, bytes.subarray(at.nonce, at.safety), safety).decrypt(bytes.subarray(at.sealed))
  } catch {
    return invalid('ncryptsec: it does not open with this password')
  } finally {
    key.fill(0)
  }
}
