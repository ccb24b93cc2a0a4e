import * as z from 'zod/mini'
import type { UseName, Verification } from '../schemes/table.ts'
import { isWholeText } from '../wire/bytes.ts'

/** One line that a person reads of a content: plain data, for a terminal and for a page alike. */
export type Field = Readonly<{ label: string; text: string }>

/** All that is known of one type of content. A new type is a file with such a row, and a line in `table.ts`. */
export type ContentRow<C extends Readonly<{ type: string }>> = Readonly<{
  type: C['type']
  /** What the shares of a key do with it. */
  use: UseName
  /** Strict: whatever is not named is refused. */
  schema: z.ZodMiniType<C>
  /** The bytes that the shares work on: what a scheme signs. `publicKey`: hex of the key that verifies the signature. */
  message: (content: C, publicKey: string) => Uint8Array
  /** What a person must know before saying yes. Every character is visible; a long part is cut and named by length and SHA-256. */
  show: (content: C) => readonly Field[]
  /** The kinds of signature that make sense for it. */
  needs: 'any' | readonly Verification[]
  /** May the Taproot output key (BIP-341) sign it? */
  tweaks: boolean
  /** Must it be the only type of a policy and of a grant? So it is when its message can be that of another type. */
  alone: boolean
  /** Does it stand only in lists that name it? No default of a policy or a grant covers it then. */
  explicit: boolean
}>

/** Any text but one with half a surrogate pair, which has no UTF-8, so that nobody can send or sign it. */
export const Text = z
  .string()
  .check(
    z.refine(isWholeText, 'text without half a surrogate pair'),
    z.meta({ description: 'text that has an encoding in UTF-8: no half of a surrogate pair' }),
  )

export const Hex = z.string().check(z.regex(/^([0-9a-f]{2})*$/, 'lower-case hex'))

/** Bytes of a content: 64 KiB at most. */
export const ContentBytes = Hex.check(z.maxLength(131_072))
