import { closeSync, openSync, writeSync } from 'node:fs'
import { randomBytes } from '@noble/hashes/utils.js'
import type { Nsm } from './nsm.ts'

/** Bytes that are drawn from each source at the start. */
const sample = 256
const block = 16
/** By these, one good source in some 2³⁰ is refused (NIST SP 800-90B, 4.4, with 8 bits of entropy claimed per byte). */
const longestRun = 5
const mostOfOneIn512 = 20

/**
 * The health tests of SP 800-90B over what a source gave, and one more: no block of 16 bytes may come twice, in one draw or
 * in two. It finds a source that is stuck, repeats or has started anew; it cannot know a good one from a clever fake. Throws
 * a plain Error, which stops the boot.
 */
export function checkEntropy(source: string, draws: readonly Uint8Array[]): void {
  if (draws.length < 2 || draws.some((draw) => draw.length < sample))
    throw new Error(`${source}: too little randomness`)
  const seen = new Set<string>()
  for (const draw of draws) {
    if (runOf(draw) > longestRun) throw new Error(`${source}: the randomness is stuck`)
    for (let at = 0; at + block <= draw.length; at += block) {
      const bytes = Buffer.from(draw.subarray(at, at + block)).toString('latin1')
      if (seen.has(bytes)) throw new Error(`${source}: the randomness repeats`)
      seen.add(bytes)
    }
  }
  if (mostFrequent(draws) > mostOfOneIn512) throw new Error(`${source}: the randomness is biased`)
}

/** Length of the longest run of one byte. */
function runOf(bytes: Uint8Array): number {
  let longest = 0
  let run = 0
  for (const [at, byte] of bytes.entries()) {
    run = byte === bytes[at - 1] ? run + 1 : 1
    longest = Math.max(longest, run)
  }
  return longest
}

/** How often the most frequent byte comes in the 512 bytes that the first two draws begin with. */
function mostFrequent(draws: readonly Uint8Array[]): number {
  const counts = new Uint16Array(256)
  for (const draw of draws.slice(0, 2))
    for (const byte of draw.subarray(0, sample)) counts[byte] = (counts[byte] ?? 0) + 1
  return Math.max(...counts)
}

/**
 * Mixes bytes into the kernel's pool, as anybody may: they are not counted as entropy, which would take a right that the
 * enclave's user has not, and which the kernel's own NSM driver has counted before. Throws a plain Error.
 */
export function addEntropy(bytes: Uint8Array): void {
  const fd = openSync('/dev/random', 'w')
  try {
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('/dev/random took less than it was given')
  } finally {
    closeSync(fd)
  }
}

/**
 * Mixes the NSM's randomness into the kernel's, before anything secret is drawn from either. A source that fails, repeats or
 * is stuck stops the boot. Throws a plain Error, or what the NSM throws.
 */
export async function seedEntropy(nsm: Nsm, add: (bytes: Uint8Array) => void): Promise<void> {
  const fromNsm = [await nsm.random(sample), await nsm.random(sample)]
  try {
    checkEntropy('NSM', fromNsm)
    for (const draw of fromNsm) add(draw)
  } finally {
    for (const draw of fromNsm) draw.fill(0)
  }
  checkEntropy('kernel', [randomBytes(sample), randomBytes(sample)])
}
