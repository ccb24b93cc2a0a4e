import * as z from 'zod/mini'
import { taggedBytesHash } from '../crypto/hash.ts'
import { fromHex, toUtf8 } from '../wire/bytes.ts'
import { ContentBytes, type ContentRow } from './content.ts'
import { bytesFields } from './shown.ts'

/** Any bytes, hex. */
export interface BytesContent {
  type: 'bytes'
  bytes: string
}
const schema = z.toZod<BytesContent>()(z.strictObject({ type: z.literal('bytes'), bytes: ContentBytes }))

/**
 * What is signed for bytes, or for the UTF-8 of a text: sha256(t ‖ t ‖ bytes) with t = sha256('quorate/bytes/v1'), which is
 * BIP-340's tagged hash. 32 bytes. The signature verifies over them, by BIP-340 or RFC 8032 as the key's scheme says.
 * Throws `content.invalid` for text with half a surrogate pair.
 */
export const bytesMessage = (bytes: Uint8Array | string): Uint8Array =>
  taggedBytesHash('bytes', typeof bytes === 'string' ? toUtf8(bytes) : bytes)

/** Any bytes, signed under a tagged hash of Quorate's own: their signature means nothing elsewhere. */
export const bytes = {
  type: 'bytes',
  use: 'sign',
  schema,
  message: ({ bytes: hex }) => bytesMessage(fromHex(hex)),
  show: ({ bytes: hex }) => bytesFields(fromHex(hex)),
  needs: 'any',
  tweaks: true,
  alone: false,
  explicit: false,
} as const satisfies ContentRow<BytesContent>
