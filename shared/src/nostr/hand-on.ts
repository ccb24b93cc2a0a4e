import * as z from 'zod/mini'
import type { Mpc } from '../../mpc/src/index.ts'
import { fromBase64url, readUtf8, toBase64url, toUtf8 } from '../wire/bytes.ts'
import { Base64url, GrantId, Time } from '../wire/ids.ts'
import { isSigned, SignedEvent } from './event.ts'
import { NostrKey } from './keys.ts'
import { Permissions } from './permissions.ts'

/*
 * A client whose grant says so may hand a part of it on to another client, by an event that it signs and gives to that one, who says it in
 * place of a secret. What is handed on is what both have: it can only be narrower. It cannot be handed on again.
 */

/** The kind of event that hands on. It is given by hand, and published nowhere. */
const KIND = 30_078
const PREFIX = 'handed-on:'

/** What is handed on, and to whom. Null leaves a condition as the grant has it. Time in ms. */
export interface HandedOn {
  signer: NostrKey
  client: NostrKey
  permissions: Permissions
  peers: NostrKey[] | null
  longest: number | null
  expiresAt: number
}
export const HandedOn = z.toZod<HandedOn>()(
  z.strictObject({
    signer: NostrKey,
    client: NostrKey,
    permissions: Permissions,
    peers: z.nullable(z.array(NostrKey).check(z.maxLength(16))),
    longest: z.nullable(z.int().check(z.minimum(0), z.maximum(1_048_576))),
    expiresAt: Time,
  }),
)

/** The event that a client signs to hand on. `createdAt` in seconds. */
export const handOnEvent = (handed: HandedOn, createdAt: number) => ({
  kind: KIND,
  created_at: createdAt,
  tags: [] as string[][],
  content: JSON.stringify(handed),
})

/** What the other client says in place of a secret. */
export const formatHandOn = ({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): string =>
  `${PREFIX}${toBase64url(toUtf8(JSON.stringify({ id, pubkey, created_at, kind, tags, content, sig })))}`

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** Who hands on what to a client. `name`: of this act, so that it can be ended. */
export const HandOn = z.strictObject({ name: GrantId, by: NostrKey, handed: HandedOn })
export type HandOn = z.infer<typeof HandOn>

/** Null for a text that is not such an event, signed by its author, for this signer and this client. */
export function readHandOn(
  mpc: Mpc,
  secret: string,
  to: Readonly<{ signer: NostrKey; client: NostrKey }>,
): HandOn | null {
  const text = secret.startsWith(PREFIX) ? Base64url.safeParse(secret.slice(PREFIX.length)) : null
  if (!text?.success) return null
  const event = SignedEvent.safeParse(parseJson(readUtf8(fromBase64url(text.data))))
  if (!event.success || event.data.kind !== KIND || !isSigned(mpc, event.data)) return null
  const handed = HandedOn.safeParse(parseJson(event.data.content))
  if (!handed.success || handed.data.signer !== to.signer || handed.data.client !== to.client) return null
  return { name: GrantId.parse(event.data.id.slice(0, 16)), by: event.data.pubkey, handed: handed.data }
}
