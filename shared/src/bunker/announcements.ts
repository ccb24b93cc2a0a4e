import { z } from 'zod'
import { BunkerReceipt } from '../wire/bunker.ts'
import { AttestedIdentity } from '../wire/identity.ts'
import { oneEach } from '../wire/ids.ts'
import type { UnsignedEvent } from '../contents/nostr-event.ts'
import { REMOTE_SIGNING } from '../nostr/event.ts'

/** A handler of NIP-89. */
const HANDLER = 31_990
/** Data of one application under a name (NIP-78). */
const APPLICATION_DATA = 30_078
const ATTESTATION = 'quorate/bunker/attestation/v1'

/** Which hosts hold the secret of a signer: what each says under V, with the document that proves V. */
export const BunkerAttestation = z.strictObject({
  hosts: oneEach(z.strictObject({ receipt: BunkerReceipt, attested: AttestedIdentity })).min(1),
})
export type BunkerAttestation = z.infer<typeof BunkerAttestation>

/** NIP-89, as NIP-46 wants it for discovery: who remote-signs, and on which relays. `createdAt` in seconds. */
export const handlerEvent = (relays: readonly string[], createdAt: number): UnsignedEvent => ({
  created_at: createdAt,
  kind: HANDLER,
  tags: [['d', 'bunker'], ['k', String(REMOTE_SIGNING)], ...relays.map((relay) => ['relay', relay])],
  content: JSON.stringify({ name: 'Quorate' }),
})

/** What a program checks before it connects. */
export const attestationEvent = (hosts: BunkerAttestation['hosts'], createdAt: number): UnsignedEvent => ({
  created_at: createdAt,
  kind: APPLICATION_DATA,
  tags: [['d', ATTESTATION]],
  content: JSON.stringify({ hosts }),
})

/** What stands in an attestation event; null for any other event. Nothing of it is verified. */
export function readAttestation({ kind, tags, content }: UnsignedEvent): BunkerAttestation | null {
  const isOne = kind === APPLICATION_DATA && tags.some(([name, value]) => name === 'd' && value === ATTESTATION)
  try {
    return isOne ? (BunkerAttestation.safeParse(JSON.parse(content)).data ?? null) : null
  } catch {
    return null
  }
}
