import * as z from 'zod/mini'
import { fromHex } from '../wire/bytes.ts'
import { ContentBytes, type ContentRow } from './content.ts'
import { bytesFields } from './shown.ts'

/** Exactly these bytes, hex. */
export interface RawContent {
  type: 'raw'
  bytes: string
}
const schema = z.toZod<RawContent>()(z.strictObject({ type: z.literal('raw'), bytes: ContentBytes }))

/**
 * Exactly these bytes, for sighashes, messages of RFC 8032 and other systems. They may be what is signed for any other type,
 * so a key that signs them signs nothing else.
 */
export const raw = {
  type: 'raw',
  use: 'sign',
  schema,
  message: ({ bytes }) => fromHex(bytes),
  show: ({ bytes }) => [
    ...bytesFields(fromHex(bytes)),
    { label: 'signed', text: 'exactly this, whatever it means to other software' },
  ],
  needs: 'any',
  tweaks: true,
  alone: true,
  explicit: true,
} as const satisfies ContentRow<RawContent>
