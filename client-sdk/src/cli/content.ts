import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Content, messageOf, showContent } from '@quorate/shared/contents/table'
import { toHex, toUtf8 } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import { AdaptorTerms, type Hint } from '@quorate/shared/wire/adaptor'
import * as z from 'zod/mini'
import { QuorateError } from '../errors.ts'
import type { Key } from '../key.ts'
import { modeFor } from '../signing/items.ts'
import { describeMode, readMode, type ModeOptions } from './mode.ts'
import { field } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ContentOptions = Readonly<{
  file?: string
  hex?: boolean
  raw?: boolean
  nostrEvent?: string
  subgroup?: string
  adaptor?: string
}> &
  ModeOptions

/**
 * What the options of `sign` and `verify` name: exactly one content, and the mode to sign it in if it is not that of the key. An event may
 * not contradict the key that is to sign. Throws `UsageError`, `subgroup.unknown`.
 */
export async function readContent(
  message: string | undefined,
  options: ContentOptions,
  key: Pick<Key, 'groupKey' | 'subgroup' | 'mode'>,
): Promise<Item> {
  const named = [message, options.file, options.nostrEvent].filter((source) => source !== undefined)
  if (named.length !== 1)
    throw new UsageError('what is to be signed? Give one of MESSAGE, --file FILE, --nostr-event FILE')
  const { subgroup } = options
  const publicKey = subgroup === undefined ? key.groupKey : key.subgroup(subgroup).groupKey
  const content = await namedContent(message, options, publicKey)
  const mode = readMode(options) ?? modeFor(key, content)
  const item = { content, mode, ...(subgroup === undefined ? {} : { subgroup }) }
  return options.adaptor === undefined ? item : { ...item, adaptor: await readTerms(options.adaptor) }
}

/** A point, or the terms in a file. Throws `UsageError`. */
async function readTerms(named: string): Promise<AdaptorTerms> {
  const isPoint = /^0[23][0-9a-f]{64}$/.test(named)
  const terms = AdaptorTerms.safeParse(
    isPoint ? { kind: 'one', point: named } : await readObject(named, notTerms(named)),
  )
  if (!terms.success) throw notTerms(named)
  return terms.data
}

const notTerms = (named: string): UsageError =>
  new UsageError(
    `${named} is neither a point in hex (33 bytes, compressed) nor a JSON file with terms: kind one, any or all`,
  )

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
  const {
    created_at = Math.floor(Date.now() / 1_000),
    kind,
    tags = [],
    content,
    pubkey,
    id,
  } = await readObject(file, notAnEvent(file))
  const read = Content.safeParse({ type: 'nostr-event', event: { created_at, kind, tags, content } })
  if (!read.success) throw notAnEvent(file)
  if (pubkey !== undefined && pubkey !== publicKey)
    throw new UsageError(`${file} names another author than this key: pubkey must be ${publicKey}, or left out`)
  if (id !== undefined && id !== toHex(messageOf(read.data, publicKey)))
    throw new UsageError(`${file} has an id that is not that of its event: leave it out, the key gives it`)
  return read.data
}

async function readObject(file: string, otherwise: UsageError): Promise<Record<string, unknown>> {
  const bytes = await readBytes(file)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch {
    throw otherwise
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

/**
 * An item as an approver must see it before saying yes: its content, whose key signs it if it is not that of all, the key if it is not the
 * group key, and what a pre-signature waits for.
 */
export const describeItem = ({ content, mode, subgroup, adaptor }: Item): string[] => [
  ...showContent(content).map(({ label, text }) => field(label, text)),
  ...(subgroup === undefined ? [] : [field('sub-group', subgroup)]),
  ...describeMode(mode),
  ...(adaptor === undefined ? [] : describeTerms(adaptor)),
]

const asked = { one: 'the secret of', any: 'the secret of one of', all: 'all secrets of' } as const

/** What turns the pre-signature into a signature, and so what that will give away. */
function describeTerms(terms: AdaptorTerms): string[] {
  const points = terms.kind === 'one' ? [terms] : terms.points
  return [
    field('adaptor', `no signature yet: it takes ${asked[terms.kind]}`),
    ...points.flatMap(({ point, hint }) => [
      field('point', point),
      ...(hint === undefined ? [] : [field('hint', describeHint(hint))]),
    ]),
  ]
}

function describeHint(hint: Hint): string {
  switch (hint.kind) {
    case 'hash':
      return `hash ${hint.hash}`
    case 'point':
      return `point ${hint.point}`
    case 'scalar':
      return `scalar ${hint.scalar}`
  }
}
