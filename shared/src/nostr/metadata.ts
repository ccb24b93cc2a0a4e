import { $ZodCatch } from 'zod/v4/core'
import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const Label = Text.check(z.minLength(1), z.maxLength(256))
const WebAddress = Text.check(z.maxLength(2_048), z.refine(isWebAddress, 'an address of the web'))

/** As `z.catch`, which brings 7 kB of zod's own tools into the script of each page. */
const orNull = <T extends z.ZodMiniType>(schema: T) =>
  new $ZodCatch({ type: 'catch', innerType: z.nullable(schema), catchValue: () => null }) as $ZodCatch<
    z.ZodMiniNullable<T>
  >

/**
 * What a client calls itself (NIP-46): shown to a person, as others' text is, and proof of nothing. No decision reads it, so that a
 * part that cannot be shown is left out, and the rest stays.
 */
export interface Metadata {
  name: string | null
  url: string | null
  image: string | null
}
export const Metadata = z.toZod<Metadata>()(
  z.object({ name: orNull(Label), url: orNull(WebAddress), image: orNull(WebAddress) }),
)

export const noMetadata: Metadata = { name: null, url: null, image: null }

/** The fourth parameter of `connect`: JSON, or anything else, which says nothing. */
export function readMetadata(json: string): Metadata {
  try {
    return Metadata.safeParse(JSON.parse(json)).data ?? noMetadata
  } catch {
    return noMetadata
  }
}
