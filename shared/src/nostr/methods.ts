import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { UnsignedEvent } from '../contents/nostr-event.ts'
import type { SignedEvent } from './event.ts'
import { NostrKey } from './keys.ts'
import { readMetadata } from './metadata.ts'
import { longestMessage } from './nip44-padding.ts'
import { longestPayload } from './nip44.ts'
import { readPermissions } from './permissions.ts'
import type { Relays } from './relays.ts'

/** What a client needs before it may call a method: nothing, a session, or a permission of that session. */
type Needs = 'nothing' | 'session' | 'permission'

type MethodRow<P, R> = Readonly<{ needs: Needs; params: z.ZodMiniType<P>; result: (value: R) => string }>

const row = <P, R>(needs: Needs, params: z.ZodMiniType<P>, result: (value: R) => string): MethodRow<P, R> => ({
  needs,
  params,
  result,
})

const NoParams = z.pipe(
  z.tuple([]),
  z.transform(() => null),
)

/** A client that knows no key of the signer sends an empty text. */
const orNothing = <T extends z.ZodMiniType>(schema: T) =>
  z.union([
    z.pipe(
      z.literal(''),
      z.transform(() => null),
    ),
    schema,
  ])

const Connect = z.pipe(
  z.tuple([
    orNothing(NostrKey),
    z.optional(orNothing(Text.check(z.maxLength(4_096)))),
    z.optional(z.string().check(z.maxLength(8_192))),
    z.optional(z.string().check(z.maxLength(8_192))),
  ]),
  z.transform(([signer, secret = null, permissions = '', metadata = '']) => ({
    signer,
    secret,
    permissions: readPermissions(permissions),
    metadata: readMetadata(metadata),
  })),
)

/** Throws nothing: an issue stands for text that is no JSON. */
const Json = z.pipe(
  z.string(),
  z.transform((text, { issues }): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      issues.push({ code: 'custom', message: 'JSON', input: '' })
      return z.NEVER
    }
  }),
)

/** Many clients send more than the specification names. The id is computed here; an author that is named must be the user. */
const Template = z.pipe(
  z.object({ ...UnsignedEvent.shape, pubkey: z.optional(orNothing(NostrKey)) }),
  z.transform(({ created_at, kind, tags, content, pubkey = null }) => ({
    event: { created_at, kind, tags, content },
    author: pubkey,
  })),
)

const SignEvent = z.pipe(
  z.tuple([z.pipe(Json, Template)]),
  z.transform(([template]) => template),
)

const peerAnd = (text: z.ZodMiniType<string>) =>
  z.pipe(
    z.tuple([NostrKey, text]),
    z.transform(([peer, message]) => ({ peer, message })),
  )
const Encrypt = peerAnd(Text.check(z.maxLength(longestMessage)))
const Decrypt = peerAnd(z.string().check(z.maxLength(longestPayload)))

const asItIs = (text: string): string => text
const ack = (): string => 'ack'

/**
 * The methods of NIP-46 as of 2026-07-15: what each takes, and its result as text. A `connect` is answered with `ack`, secret or not:
 * there are clients that take nothing else. `switch_relays` is answered with JSON, `null` too: there are clients that wait for text.
 */
export const methods = {
  connect: row('nothing', Connect, ack),
  sign_event: row('permission', SignEvent, (event: SignedEvent) => JSON.stringify(event)),
  ping: row('session', NoParams, () => 'pong'),
  get_public_key: row('session', NoParams, (user: NostrKey) => user as string),
  nip44_encrypt: row('permission', Encrypt, asItIs),
  nip44_decrypt: row('permission', Decrypt, asItIs),
  nip04_encrypt: row('permission', Encrypt, asItIs),
  nip04_decrypt: row('permission', Decrypt, asItIs),
  switch_relays: row('session', NoParams, (relays: Relays | null) => JSON.stringify(relays)),
  logout: row('session', NoParams, ack),
} as const

type Methods = typeof methods
export type Method = keyof Methods

export const isMethod = (name: string): name is Method => Object.hasOwn(methods, name)

export type Params<M extends Method> = z.output<Methods[M]['params']>
export type Result<M extends Method> = Parameters<Methods[M]['result']>[0]

/** What a client has asked for, read. */
export type Request = { [M in Method]: Readonly<{ id: string; method: M; params: Params<M> }> }[Method]
