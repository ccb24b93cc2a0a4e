import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { Refusal } from '../errors.ts'
import { isWholeText } from '../wire/bytes.ts'
import { NostrKey } from './keys.ts'
import { Metadata } from './metadata.ts'
import { formatPermission, readPermissions, type Permission } from './permissions.ts'
import { Relays } from './relays.ts'

const Secret = Text.check(z.minLength(1), z.maxLength(4_096))

const BunkerUri = z.strictObject({ signer: NostrKey, relays: Relays, secret: z.nullable(Secret) })
/** What a signer gives to a user, who gives it to a client. The secret is good for one connection. */
export type BunkerUri = Readonly<z.infer<typeof BunkerUri>>

interface Connecting {
  client: NostrKey
  relays: string[]
  secret: string
  metadata: Metadata
}
const ConnectUri = z.toZod<Connecting>()(
  z.strictObject({ client: NostrKey, relays: Relays, secret: Secret, metadata: Metadata }),
)
/** What a client shows to a user, who gives it to the signer. The signer says the secret to the client. */
export type ConnectUri = Readonly<Connecting & { permissions: readonly Permission[] }>

const LONGEST = 16_384
const single = ['secret', 'perms', 'name', 'url', 'image'] as const
type Query = Readonly<{ key: string; relays: string[] } & Record<(typeof single)[number], string | null>>

const invalid = (): never => {
  throw new Refusal('nostr.uri_invalid')
}

/** Every escape is one byte, and all of them are UTF-8. `URLSearchParams` would write U+FFFD for the rest. */
function isDecodable(query: string): boolean {
  try {
    return isWholeText(decodeURIComponent(query))
  } catch {
    return false
  }
}

/** Key and parameters. Parameters of other names are left alone, since other software adds them; no known one stands twice. */
function readUri(scheme: 'bunker' | 'nostrconnect', uri: string): Query {
  const [, key, query = ''] = new RegExp(`^${scheme}://([0-9a-f]{64})/?(?:\\?([^#\\s]*))?$`).exec(uri) ?? []
  if (uri.length > LONGEST || key === undefined || !isDecodable(query)) return invalid()
  const params = new URLSearchParams(query)
  const of = (name: string) => (params.getAll(name).length > 1 ? invalid() : params.get(name))
  const [secret, perms, name, url, image] = single.map(of) as [
    string | null,
    string | null,
    string | null,
    string | null,
    string | null,
  ]
  return { key, relays: params.getAll('relay'), secret, perms, name, url, image }
}

/** As `encodeURIComponent`, and the five characters that it leaves: nostr-tools reads none of them in a URI. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const formatUri = (scheme: string, key: string, params: readonly (readonly [string, string | null])[]): string => {
  const given = params.flatMap(([name, value]) => (value === null ? [] : [`${name}=${encode(value)}`]))
  return `${scheme}://${key}?${given.join('&')}`
}

const relayParams = (relays: readonly string[]) => relays.map((relay) => ['relay', relay] as const)

/** Reads `bunker://`. Throws `nostr.uri_invalid`. */
export function readBunkerUri(uri: string): BunkerUri {
  const { key, relays, secret } = readUri('bunker', uri)
  return BunkerUri.safeParse({ signer: key, relays, secret }).data ?? invalid()
}

/** Inverse of `readBunkerUri`. Throws `nostr.uri_invalid` for what that would refuse. */
export function formatBunkerUri(uri: BunkerUri): string {
  const { signer, relays, secret } = BunkerUri.safeParse(uri).data ?? invalid()
  return formatUri('bunker', signer, [...relayParams(relays), ['secret', secret]])
}

/** Reads `nostrconnect://`, which has a secret and a relay at least. Throws `nostr.uri_invalid`. */
export function readConnectUri(uri: string): ConnectUri {
  const { key, relays, secret, perms, name, url, image } = readUri('nostrconnect', uri)
  const read = ConnectUri.safeParse({ client: key, relays, secret, metadata: { name, url, image } }).data ?? invalid()
  return { ...read, permissions: readPermissions(perms ?? '') }
}

/** Inverse of `readConnectUri`. Throws `nostr.uri_invalid` for what that would refuse. */
export function formatConnectUri({ permissions, ...rest }: ConnectUri): string {
  const { client, relays, secret, metadata } = ConnectUri.safeParse(rest).data ?? invalid()
  const perms = permissions.length === 0 ? null : permissions.map(formatPermission).join(',')
  const named = [
    ['perms', perms],
    ['name', metadata.name],
    ['url', metadata.url],
    ['image', metadata.image],
  ] as const
  return formatUri('nostrconnect', client, [...relayParams(relays), ['secret', secret], ...named])
}
