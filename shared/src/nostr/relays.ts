import * as z from 'zod/mini'

/** No credentials, which a URI would spread, and no fragment, which no relay sees. */
function isRelay(text: string): boolean {
  if (!/^wss?:\/\/[^\s\\]+$/.test(text) || !URL.canParse(text)) return false
  const { username, password, hash, hostname } = new URL(text)
  return hostname !== '' && username === '' && password === '' && hash === '' && !text.includes('#')
}

/** Where a relay is reached (NIP-01). */
export const RelayUrl = z
  .string()
  .check(
    z.maxLength(256),
    z.refine(isRelay, 'a relay: wss://host, or ws://host'),
    z.meta({ description: 'A relay (NIP-01): wss://host, or ws://host, without credentials and fragment' }),
  )

const isDistinct = (list: readonly string[]): boolean => new Set(list).size === list.length

export const Relays = z
  .array(RelayUrl)
  .check(z.minLength(1), z.maxLength(16), z.refine(isDistinct, 'each relay once'), z.meta({ uniqueItems: true }))
export type Relays = z.infer<typeof Relays>
