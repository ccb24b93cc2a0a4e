import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { showContent, type Content } from '@quorate/shared/contents/table'
import type { Item } from '@quorate/shared/wire/content'
import { field } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ContentOptions = Readonly<{
  file?: string
  hex?: boolean
  raw?: boolean
  nostrEvent?: string
  taproot?: string | boolean
}>

/** What the options of `sign` and `verify` name: exactly one content, and the mode to sign it in. */
export async function readContent(message: string | undefined, options: ContentOptions): Promise<Item> {
  const named = [message, options.file, options.nostrEvent].filter((source) => source !== undefined)
  if (named.length !== 1)
    throw new UsageError('what is to be signed? Give one of MESSAGE, --file FILE, --nostr-event FILE')
  const content = await namedContent(message, options)
  if (options.taproot === undefined || options.taproot === false) return { content, mode: { kind: 'plain' } }
  const merkleRoot = options.taproot === true ? '' : options.taproot
  if (!/^([0-9a-f]{64})?$/.test(merkleRoot))
    throw new UsageError('--taproot takes a merkle root: 32 bytes in hex, or nothing')
  return { content, mode: { kind: 'taproot', merkleRoot } }
}

async function namedContent(
  message: string | undefined,
  { file, hex, raw, nostrEvent }: ContentOptions,
): Promise<Content> {
  const type = raw === true ? 'raw' : 'bytes'
  if (nostrEvent !== undefined) {
    if (raw === true || hex === true) throw new UsageError('--raw and --hex are for bytes, not for a Nostr event')
    return readEvent(nostrEvent)
  }
  const bytes = file === undefined ? Buffer.from(message ?? '') : await readBytes(file)
  if (hex !== true) return { type, bytes: bytes.toString('hex') }
  const text = bytes.toString().trim().toLowerCase()
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new UsageError('with --hex the message must be hex')
  return { type, bytes: text }
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

/** An item as an approver must see it before saying yes: its content, and the key if it is not the group key. */
export const describeItem = ({ content, mode }: Item): string[] => [
  ...showContent(content).map(({ label, text }) => field(label, text)),
  ...(mode.kind === 'plain' ? [] : [field('key', `Taproot output key, merkle root ${mode.merkleRoot || 'none'}`)]),
]
