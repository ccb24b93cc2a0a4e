import { addressFault, parseAddress, type Address } from '@quorate/shared/wire/address'
import { GatewayAddress, Origin } from '@quorate/shared/wire/gateway-address'
import { RelayUrl } from '@quorate/shared/nostr/relays'
import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import * as z from 'zod'
import type { AllowedOrigins } from './http/origins.ts'
import { defaultTimeouts, type Endpoint } from './http/server.ts'
import { noRelays, type AllowedRelays } from './nostr/allowed.ts'
import { readStorageKey } from './storage-key.ts'

/** `127.0.0.1:3000`, `[::1]:3000` */
const Listen = z.string().transform((text, context): Endpoint => {
  const parts = /^(\[[0-9a-f:]+\]|[^:]+):(\d{1,5})$/i.exec(text)
  if (parts?.[1] && Number(parts[2]) < 65_536) return { host: parts[1].replace(/^\[|\]$/g, ''), port: Number(parts[2]) }
  context.addIssue('expected HOST:PORT')
  return z.NEVER
})

/** `enclave-0=vsock:16:5000,enclave-1=unix:/run/e1.sock` */
const EnclaveAddresses = z.string().transform((text, context): ReadonlyMap<EnclaveId, Address> => {
  const addresses = new Map<EnclaveId, Address>()
  for (const entry of text.split(',')) {
    const at = entry.indexOf('=')
    const name = entry.slice(0, Math.max(at, 0)).trim()
    const address = entry.slice(at + 1).trim()
    const id = EnclaveId.safeParse(name)
    try {
      if (!id.success || addresses.has(id.data)) throw new Error()
      addresses.set(id.data, parseAddress(address))
    } catch {
      context.addIssue(`expected ID=ADDRESS, separated by commas, each id once: ${addressFault(address)}`)
      return z.NEVER
    }
  }
  return addresses
})

/** A relay in the form of its `href`, or `wss://host:*`. Null for what is neither. */
function relayOf(text: string): string | null {
  const [, ofAnyPort] = /^(wss?:\/\/[^/]+):\*$/.exec(text) ?? []
  const relay = RelayUrl.safeParse(ofAnyPort ?? text).data
  if (relay === undefined) return null
  const { protocol, hostname, href } = new URL(relay)
  return ofAnyPort === undefined ? href : `${protocol}//${hostname}:*`
}

/** `*`, or `wss://relay.one,wss://relay.two/path` */
const RelayList = z.string().transform((text, context): AllowedRelays => {
  if (text === '*') return '*'
  const relays = text.split(',').map((relay) => relayOf(relay.trim()))
  if (relays.every((relay) => relay !== null)) return new Set(relays)
  context.addIssue(
    'expected relays (wss://host, or wss://host:* for any port) separated by commas, or * for any that speaks TLS',
  )
  return z.NEVER
})

/** `*`, or `https://app.example,http://localhost:*` */
const OriginList = z.string().transform((text, context): Exclude<AllowedOrigins, null> => {
  if (text === '*') return '*'
  const origins = new Set<string>()
  for (const entry of text.split(',')) {
    const [, ofAnyPort] = /^(.+):\*$/.exec(entry.trim()) ?? []
    const origin = Origin.safeParse(ofAnyPort ?? entry.trim())
    if (!origin.success) {
      context.addIssue(origin.error.issues[0]?.message ?? 'expected an origin')
      return z.NEVER
    }
    const { protocol, hostname } = new URL(origin.data)
    origins.add(ofAnyPort === undefined ? origin.data : `${protocol}//${hostname}:*`)
  }
  return origins
})

/** As the header is written (RFC 6797), in the one form that all browsers read. */
const TransportSecurity = z
  .string()
  .regex(/^max-age=\d{1,9}(; includeSubDomains(; preload)?)?$/, 'expected max-age=SECONDS, or with ; includeSubDomains')

const GatewayName = z.string().regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, dots, dashes or underscores')

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most)

const Environment = z.strictObject({
  QUORATE_LISTEN: Listen.default({ host: '127.0.0.1', port: 3000 }),
  QUORATE_METRICS_LISTEN: Listen.default({ host: '127.0.0.1', port: 9464 }),
  /** How clients reach the gateway: named in their proofs and in tokens. */
  QUORATE_PUBLIC_URL: z.optional(GatewayAddress),
  /** Under which it holds its lease on sessions. Of gateways on one database each has another. */
  QUORATE_GATEWAY_NAME: GatewayName.default('gateway'),
  QUORATE_DATABASE: z.string().min(1),
  /** A file with 32 bytes as hex that nobody but its owner may read. */
  QUORATE_STORAGE_KEY_FILE: z.string().min(1),
  QUORATE_ENCLAVES: EnclaveAddresses,
  /** A file with the signed manifest of the images that enclaves shall accept in each other. */
  QUORATE_MANIFEST: z.string().min(1).optional(),
  /** Requests per minute and address. */
  QUORATE_RATE_LIMIT: count(1, 10_000_000).default(600),
  QUORATE_TRUSTED_PROXIES: count(0, 8).default(0),
  /** Whose pages may use the API from a browser: origins (`http://host:*` for any port), or `*`. */
  QUORATE_CORS_ORIGIN: OriginList.optional(),
  /** `Strict-Transport-Security` of every answer. Browsers then refuse plain HTTP to this host, on every port, for as long as it says. */
  QUORATE_HSTS: TransportSecurity.optional(),
  /** After which a connection without a request is closed: longer than any load balancer in front keeps it. */
  QUORATE_IDLE_TIMEOUT_MS: count(1_000, 3_600_000).default(defaultTimeouts.idle),
  /** Relays to which bunkers may be connected: owners name them, and the gateway dials. */
  QUORATE_RELAYS: RelayList.optional(),
  /** The key whose bunker stands under `_` in `/.well-known/nostr.json` (NIP-05). */
  QUORATE_NOSTR_KEY: z.optional(KeyId),
  QUORATE_ROUND_TIMEOUT_MS: count(50, 60_000).default(2_000),
  QUORATE_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

export type Config = Readonly<{
  listen: Endpoint
  metricsListen: Endpoint
  /** In the one form in which clients sign it. Null: the address that the gateway listens on. */
  publicUrl: string | null
  /** Of this gateway, among those on the same database. */
  name: string
  database: string
  /** 32 bytes. */
  storageKey: Uint8Array
  enclaves: ReadonlyMap<EnclaveId, Address>
  manifest: string | null
  rateLimit: number
  trustedProxies: number
  corsOrigin: AllowedOrigins
  /** Null: the header is not sent. */
  hsts: string | null
  idleTimeoutMs: number
  relays: AllowedRelays
  nostrKey: KeyId | null
  roundTimeoutMs: number
  logLevel: string
}>

/**
 * Reads the configuration from `env`. Unknown QUORATE_* names are errors, since a typo must not mean a default. Throws a
 * plain Error that names every variable that is wrong, and of its value no more than the path of a file.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const ours = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('QUORATE_')))
  const parsed = Environment.safeParse(ours)
  if (!parsed.success)
    throw new Error(`the configuration is not valid:\n${parsed.error.issues.map(complaint).join('\n')}`)
  const values = parsed.data
  if (values.QUORATE_PUBLIC_URL === undefined && /^(0\.0\.0\.0|::)$/.test(values.QUORATE_LISTEN.host))
    throw new Error('QUORATE_PUBLIC_URL: must be set for a gateway that listens on every address')
  if (values.QUORATE_HSTS !== undefined && values.QUORATE_PUBLIC_URL?.startsWith('https://') !== true)
    throw new Error('QUORATE_HSTS: wants a QUORATE_PUBLIC_URL with https://, since browsers would refuse any other')
  return Object.freeze({
    listen: values.QUORATE_LISTEN,
    metricsListen: values.QUORATE_METRICS_LISTEN,
    publicUrl: values.QUORATE_PUBLIC_URL ?? null,
    name: values.QUORATE_GATEWAY_NAME,
    database: values.QUORATE_DATABASE,
    storageKey: readStorageKey(values.QUORATE_STORAGE_KEY_FILE, 'QUORATE_STORAGE_KEY_FILE'),
    enclaves: values.QUORATE_ENCLAVES,
    manifest: values.QUORATE_MANIFEST ?? null,
    rateLimit: values.QUORATE_RATE_LIMIT,
    trustedProxies: values.QUORATE_TRUSTED_PROXIES,
    corsOrigin: values.QUORATE_CORS_ORIGIN ?? null,
    hsts: values.QUORATE_HSTS ?? null,
    idleTimeoutMs: values.QUORATE_IDLE_TIMEOUT_MS,
    relays: values.QUORATE_RELAYS ?? noRelays,
    nostrKey: values.QUORATE_NOSTR_KEY ?? null,
    roundTimeoutMs: values.QUORATE_ROUND_TIMEOUT_MS,
    logLevel: values.QUORATE_LOG_LEVEL,
  })
}

function complaint(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `  ${issue.keys.join(', ')}: no such variable`
  if (issue.code === 'invalid_type' && issue.input === undefined) return `  ${issue.path.join('.')}: must be set`
  // Of a word or something else: what is wrong with the something.
  const { message } = (issue.code === 'invalid_union' && issue.errors.at(-1)?.[0]) || issue
  return `  ${issue.path.join('.')}: ${message}`
}
