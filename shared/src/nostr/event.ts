import { equalBytes } from '@noble/ciphers/utils.js'
import * as z from 'zod/mini'
import type { Mpc } from '../../mpc/src/index.ts'
import { Text } from '../contents/content.ts'
import { eventId, UnsignedEvent } from '../contents/nostr-event.ts'
import { Refusal } from '../errors.ts'
import { orFalse } from '../schemes/or-false.ts'
import { fromHex } from '../wire/bytes.ts'
import { Digest, Signature } from '../wire/ids.ts'
import { NostrKey } from './keys.ts'
import { longestPayload } from './nip44.ts'

/** The kind of requests and responses (NIP-46). */
export const REMOTE_SIGNING = 24_133

/** What is signed over: an event of NIP-01 without its id and signature, as its author names it. */
const signature = { id: Digest, pubkey: NostrKey, sig: Signature }

/** Any event of NIP-01, signed. */
export const SignedEvent = z.strictObject({ ...UnsignedEvent.shape, ...signature })
export type SignedEvent = z.infer<typeof SignedEvent>

/** A request, or a response, as it travels. Its content may be longer than that of other events; it needs few tags. */
export const Envelope = z.strictObject({
  ...UnsignedEvent.shape,
  ...signature,
  kind: z.literal(REMOTE_SIGNING),
  tags: z.array(z.array(Text.check(z.maxLength(1_024))).check(z.maxLength(16))).check(z.maxLength(16)),
  content: Text.check(z.maxLength(longestPayload)),
})
export type Envelope = z.infer<typeof Envelope>

/** Do id (NIP-01) and signature (BIP-340) prove that its author wrote the event? */
export function isSigned(mpc: Mpc, event: SignedEvent | Envelope): boolean {
  const id = eventId(event, event.pubkey)
  const parts = { publicKey: fromHex(event.pubkey), message: id, signature: fromHex(event.sig) }
  return equalBytes(id, fromHex(event.id)) && orFalse(() => mpc.frost('frost-secp256k1-tr').verify(parts))
}

/**
 * A client's event, before it is opened: NIP-44 demands that its signature is verified first. `signer` is whom it must be for: exactly
 * one p tag, which names this key. Throws `nostr.event_invalid`, `nostr.event_misaddressed` and `nostr.event_unsigned`, in this order.
 */
export function verifyEnvelope(mpc: Mpc, event: unknown, signer: NostrKey): Envelope {
  const read = Envelope.safeParse(event)
  if (!read.success) throw new Refusal('nostr.event_invalid')
  const recipients = read.data.tags.filter(([name]) => name === 'p').map(([, key]) => key)
  if (recipients.length !== 1 || recipients[0] !== signer) throw new Refusal('nostr.event_misaddressed')
  if (!isSigned(mpc, read.data)) throw new Refusal('nostr.event_unsigned')
  return read.data
}
