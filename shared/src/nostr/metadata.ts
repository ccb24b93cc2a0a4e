import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const Label = Text.check(z.minLength(1), z.maxLength(256))
const WebAddress = Text.check(z.maxLength(2_048), z.refine(isWebAddress, 'an address of the web'))

/**
 * What a client calls itself (NIP-46): shown to a person, as others' text is, and proof of nothing. No decision reads it, so that a
 * part that cannot be shown is left out, and the rest stays.
 */
export const Metadata = z.object({
  name: z.catch(z.nullable(Label), null),
  url: z.catch(z.nullable(WebAddress), null),
  image: z.catch(z.nullable(WebAddress), null),
})
export type Metadata = z.infer<typeof Metadata>

export const noMetadata: Metadata = { name: null, url: null, image: null }

/** The fourth parameter of `connect`: JSON, or anything else, which says nothing. */
export function readMetadata(json: string): Metadata {
  try {
    return z.catch(Metadata, noMetadata).parse(JSON.parse(json))
  } catch {
    return noMetadata
  }
}
