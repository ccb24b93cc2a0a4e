import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Content, messageOf, showContent } from '@quorate/shared/contents/table'
import { toHex, toUtf8 } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import { z } from 'zod'
import { QuorateError } from '../errors.ts'
import { field } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ContentOptions = Readonly<{
  file?: string
  hex?: boolean
  raw?: boolean
  nostrEvent?: string
  taproot?: string | boolean
}>

/**
 * What the options of `sign` and `verify` name: exactly one content, and the mode to sign it in. `publicKey`: hex of the key that is to
 * sign, which an event may not contradict. Throws `UsageError`.
 */
export async function readContent(
  message: string | undefined,
  options: ContentOptions,
  publicKey: string,
): Promise<Item> {
  const named = [message, options.file, options.nostrEvent].filter((source) => source !== undefined)
  if (named.length !== 1)
    throw new UsageError('what is to be signed? Give one of MESSAGE, --file FILE, --nostr-event FILE')
  const content = await namedContent(message, options, publicKey)
  if (options.taproot === undefined || options.taproot === false) return { content, mode: { kind: 'plain' } }
  const merkleRoot = options.taproot === true ? '' : options.taproot
  if (!/^([0-9a-f]{64})?$/.test(merkleRoot))
    throw new UsageError('--taproot takes a merkle root: 32 bytes in hex, or nothing')
  return { content, mode: { kind: 'taproot', merkleRoot } }
}

async function namedContent(
  message: string | undefined,
  { file, hex, raw, nostrEvent }: ContentOptions,
  publicKey: string,
): Promise<Content> {
  const type = raw === true ? 'raw' : 'bytes'
  if (nostrEvent !== undefined) {
    if (raw === true || hex === true) throw new UsageError('--raw and --hex are for bytes, not for a Nostr event')
    return readEvent(nostrEvent, publicKey)
  }
  const bytes = file === undefined ? Buffer.from(toUtf8(message ?? '')) : await readBytes(file)
  if (hex !== true) return { type, bytes: bytes.toString('hex') }
  const text = bytes.toString().trim().toLowerCase()
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new UsageError('with --hex the message must be hex')
  return { type, bytes: text }
}

/** An event as NIP-01 writes it. Who signs, and its id, come from the key: where the file names either, it must be that one. */
async function readEvent(file: string, publicKey: string): Promise<Content> {
  const { created_at = Math.floor(Date.now() / 1_000), kind, tags = [], content, pubkey, id } = await readObject(file)
  const read = Content.safeParse({ type: 'nostr-event', event: { created_at, kind, tags, content } })
  if (!read.success) throw notAnEvent(file)
  if (pubkey !== undefined && pubkey !== publicKey)
    throw new UsageError(`${file} names another author than this key: pubkey must be ${publicKey}, or left out`)
  if (id !== undefined && id !== toHex(messageOf(read.data, publicKey)))
    throw new UsageError(`${file} has an id that is not that of its event: leave it out, the key gives it`)
  return read.data
}

async function readObject(file: string): Promise<Record<string, unknown>> {
  const bytes = await readBytes(file)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch {
    throw notAnEvent(file)
  }
}

const notAnEvent = (file: string): UsageError =>
  new UsageError(`${file} is not a Nostr event: JSON with kind, content, tags and created_at is expected`)

/** A file, or stdin for `-`, as long as whoever writes there takes. */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    return file === '-' ? await buffer(process.stdin) : await readFile(file)
  } catch (error) {
    if (error instanceof QuorateError) throw error
    throw new UsageError(`${file} cannot be read`)
  }
}

/** An item as an approver must see it before saying yes: its content, and the key if it is not the group key. */
export const describeItem = ({ content, mode }: Item): string[] => [
  ...showContent(content).map(({ label, text }) => field(label, text)),
  ...(mode.kind === 'plain' ? [] : [field('key', `Taproot output key, merkle root ${mode.merkleRoot || 'none'}`)]),
]
