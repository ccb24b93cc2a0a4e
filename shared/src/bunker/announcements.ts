import { BunkerAttestation } from '../wire/bunker.ts'
import type { UnsignedEvent } from '../contents/nostr-event.ts'
import { REMOTE_SIGNING } from '../nostr/event.ts'

/** A handler of NIP-89. */
const HANDLER = 31_990
/** Data of one application under a name (NIP-78). */
const APPLICATION_DATA = 30_078
const ATTESTATION = 'quorate/bunker/attestation/v1'

/** NIP-89, as NIP-46 wants it for discovery: who remote-signs, and on which relays. `createdAt` in seconds. */
export const handlerEvent = (relays: readonly string[], createdAt: number): UnsignedEvent => ({
  created_at: createdAt,
  kind: HANDLER,
  tags: [['d', 'bunker'], ['k', String(REMOTE_SIGNING)], ...relays.map((relay) => ['relay', relay])],
  content: JSON.stringify({ name: 'Quorate' }),
})

/** By V, so that a relay keeps the newest of each host. */
const nameOf = ({ attested }: BunkerAttestation): string => `${ATTESTATION}/${attested.identity.signKey}`

/** What a program checks before it connects: one event for each host, since relays take none that is long. */
export const attestationEvent = (host: BunkerAttestation, createdAt: number): UnsignedEvent => ({
  created_at: createdAt,
  kind: APPLICATION_DATA,
  tags: [['d', nameOf(host)]],
  content: JSON.stringify(host),
})

/** What stands in an attestation event; null for any other event. Nothing of it is verified. */
export function readAttestation({ kind, tags, content }: UnsignedEvent): BunkerAttestation | null {
  const name = tags.find(([tag]) => tag === 'd')?.[1]
  if (kind !== APPLICATION_DATA || name?.startsWith(`${ATTESTATION}/`) !== true) return null
  try {
    const host = BunkerAttestation.parse(JSON.parse(content))
    return nameOf(host) === name ? host : null
  } catch {
    return null
  }
}
