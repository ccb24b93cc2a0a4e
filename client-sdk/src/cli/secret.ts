import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { fromHex } from '@quorate/shared/wire/bytes'
import { openNcryptsec, readNsec } from '../keygen/nostr-secret.ts'
import { UsageError } from './usage.ts'

const LONGEST = 4_096

/** Text of a file, or of standard input for `-`, without its last line break. What was read is wiped, the text cannot be. */
async function readText(file: string, stdin: Readable): Promise<string> {
  const bytes = file === '-' ? await readAll(stdin) : await readFile(file).catch(() => null)
  // Somebody may have put the secret itself there.
  if (bytes === null)
    throw new UsageError('secrets and passwords stand in files, or - for standard input: one cannot be read')
  try {
    if (bytes.length > LONGEST) throw new UsageError('this is too long for a secret key')
    return bytes.toString('utf8').replace(/\r?\n$/, '')
  } finally {
    bytes.fill(0)
  }
}

async function readAll(stdin: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > LONGEST) break
  }
  const all = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return all
}

/** A secret of 32 bytes that a file holds in hex. The caller wipes it. Throws `UsageError`. */
export async function readScalar(file: string, stdin: Readable): Promise<Uint8Array> {
  const text = (await readText(file, stdin)).trim().toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(text)) throw new UsageError('a secret is 32 bytes in hex, in a file of its own')
  return fromHex(text)
}

/**
 * The secret key in a file: nsec (NIP-19), ncryptsec (NIP-49) with the password of another file, or 32 bytes in hex. The caller wipes it.
 * Throws `UsageError`, or `secret.invalid`.
 */
export async function readSecret(file: string, passwordFile: string | undefined, stdin: Readable): Promise<Uint8Array> {
  if (file === '-' && passwordFile === '-') throw new UsageError('one of the two can come from standard input')
  const text = (await readText(file, stdin)).trim()
  if (/^ncryptsec1/i.test(text)) {
    if (passwordFile === undefined) throw new UsageError('an ncryptsec needs its password: --password FILE')
    return openNcryptsec(text, await readText(passwordFile, stdin))
  }
  return /^[0-9a-f]{64}$/i.test(text) ? fromHex(text.toLowerCase()) : readNsec(text)
}
