import * as z from 'zod/mini'
import type { SchemeFacts } from '../schemes/table.ts'
import { bytes, type BytesContent } from './bytes.ts'
import type { ContentRow, Field } from './content.ts'
import { ecdh, type EcdhContent } from './ecdh.ts'
import { nostrEvent, type NostrEventContent } from './nostr-event.ts'
import { raw, type RawContent } from './raw.ts'

/** The types of content that keys sign. A new one is a line here, its row in a file beside this one, and its name in `Content`. */
const rows = [bytes, raw, nostrEvent, ecdh] as const

/** Of each row what stands under `Name`, in their order. */
type Column<Rows extends readonly Record<Name, unknown>[], Name extends string> = { [I in keyof Rows]: Rows[I][Name] }

const schemas = rows.map(({ schema }) => schema) as unknown as Column<typeof rows, 'schema'>
const types = rows.map(({ type }) => type)

/** The full content of one item: its type, and what that type holds. */
export type Content = BytesContent | RawContent | NostrEventContent | EcdhContent
export const Content = z.toZod<Content>()(z.discriminatedUnion('type', schemas))
export type ContentType = Content['type']
export const ContentType = z.toZod<ContentType>()(z.enum(types))

const byType = new Map(rows.map((row) => [row.type, row as ContentRow<Content>]))

/** The row of a type. Its functions take content of that type only. */
export function contentOf(type: ContentType): ContentRow<Content> {
  const row = byType.get(type)
  if (row === undefined) throw new TypeError(`no content of type ${type}`)
  return row
}

/** The types that are the only one of each list that names them. */
const loners = types.filter((type) => contentOf(type).alone)

/** What a key, or a grant, permits. A list that names a type beside one that stands alone is refused. */
export const ContentTypes = z.array(ContentType).check(
  z.minLength(1),
  z.maxLength(16),
  z.refine(
    (list) => list.length === 1 || !list.some((type) => loners.includes(type)),
    `a type of content that stands alone (${loners.join(', ')}) is named beside another`,
  ),
  z.meta({
    anyOf: [
      { type: 'array', items: {}, maxItems: 1 },
      { type: 'array', items: { enum: types.filter((type) => !loners.includes(type)) } },
    ],
  }),
)

/** Can the shares of such a key do with content of this type what it is for? */
export function signsContent({ verification, uses }: SchemeFacts, type: ContentType): boolean {
  const { use, needs } = contentOf(type)
  return uses[use] !== undefined && (needs === 'any' || needs.includes(verification))
}

/**
 * The bytes that are signed for a content, by its type's own rule and never taken from a request. `publicKey`: the one that
 * verifies the signature, hex; for Nostr events it is part of what is signed.
 */
export const messageOf = (content: Content, publicKey: string): Uint8Array =>
  contentOf(content.type).message(content, publicKey)

/** A content as a person must see it before saying yes. */
export const showContent = (content: Content): readonly Field[] => contentOf(content.type).show(content)
