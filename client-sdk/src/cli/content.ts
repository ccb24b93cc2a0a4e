import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Content, Item } from '@quorate/shared/wire/content'
import { field, shown } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ContentOptions = Readonly<{ file?: string; hex?: boolean; nostrEvent?: string; taproot?: string | boolean }>

/** What the options of `sign` and `verify` name: exactly one content, and the mode to sign it in. */
export async function readContent(message: string | undefined, options: ContentOptions): Promise<Item> {
  const named = [message, options.file, options.nostrEvent].filter((source) => source !== undefined)
  if (named.length !== 1)
    throw new UsageError('what is to be signed? Give one of MESSAGE, --file FILE, --nostr-event FILE')
  const content = await contentOf(message, options)
  if (options.taproot === undefined || options.taproot === false) return { content, mode: { kind: 'plain' } }
  const merkleRoot = options.taproot === true ? '' : options.taproot
  if (!/^([0-9a-f]{64})?$/.test(merkleRoot))
    throw new UsageError('--taproot takes a merkle root: 32 bytes in hex, or nothing')
  return { content, mode: { kind: 'taproot', merkleRoot } }
}

async function contentOf(message: string | undefined, { file, hex, nostrEvent }: ContentOptions): Promise<Content> {
  if (nostrEvent !== undefined) return readEvent(nostrEvent)
  const bytes = file === undefined ? Buffer.from(message ?? '') : await readBytes(file)
  if (hex !== true) return { type: 'bytes', bytes: bytes.toString('hex') }
  const text = bytes.toString().trim().toLowerCase()
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new UsageError('with --hex the message must be hex')
  return { type: 'bytes', bytes: text }
}

async function readEvent(file: string): Promise<Content> {
  try {
    const { created_at, kind, tags, content } = JSON.parse((await readBytes(file)).toString()) as Record<
      string,
      unknown
    >
    const event = { created_at: created_at ?? Math.floor(Date.now() / 1_000), kind, tags: tags ?? [], content }
    return { type: 'nostr-event', event } as Content
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${file} is not a Nostr event: JSON with kind, content, tags and created_at is expected`)
  }
}

/** A file, or stdin for `-`. */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    return file === '-' ? readFileSync(0) : await readFile(file)
  } catch {
    throw new UsageError(`${file} cannot be read`)
  }
}

/** An item as an approver must see it before saying yes: all of it. */
export function describeItem({ content, mode }: Item): string[] {
  const under =
    mode.kind === 'plain' ? [] : [field('key', `Taproot output key, merkle root ${mode.merkleRoot || 'none'}`)]
  if (content.type === 'nostr-event') {
    const { kind, created_at, tags, content: text } = content.event
    return [
      field('Nostr event', `kind ${kind}, created ${dateOf(created_at)}`),
      field('content', shown(text)),
      ...tags.map((tag) => field('tag', shown(JSON.stringify(tag)))),
      ...under,
    ]
  }
  const text = textOf(fromHex(content.bytes))
  return [...(text === null ? [] : [field('text', shown(text))]), field('bytes', content.bytes || '(none)'), ...under]
}

/** Seconds since 1970 as a date, as far as dates go. */
const dateOf = (seconds: number): string =>
  seconds < 8.64e12 ? new Date(seconds * 1_000).toISOString() : `${seconds} s after 1970`

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.length > 0 ? text : null
  } catch {
    return null
  }
}
