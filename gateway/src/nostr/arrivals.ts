import { verifyEnvelope, type Envelope } from '@quorate/shared/nostr/event'
import { NostrKey } from '@quorate/shared/nostr/keys'
import type { Mpc } from '@quorate/shared/mpc'
import { createQuota } from '../bounds/quota.ts'
import type { Bunker } from './bunker.ts'
import type { RequestEvents } from './requests/desk.ts'
import type { Requests } from './requests/requests.ts'
import { Seen } from './seen.ts'

/** Events that are remembered, so that another relay's copy costs nothing. What comes later is a program that has lost its answer, and asks for it again. */
const MOST_SEEN = 100_000
const SEEN_MS = 2_000
/** Events of strangers that a bunker looks at in a minute, and again once an owner has said something new. */
const OF_STRANGERS = { most: 60, ms: 60_000 }

type Ports = Readonly<{
  mpc: Mpc
  bunkerOf: (signer: NostrKey) => Bunker | undefined
  requests: Pick<Requests, 'arrive'>
  events: Pick<RequestEvents, 'clientDropped'>
  clock: () => number
}>

const recipientOf = (event: unknown): NostrKey | null => {
  const tags: unknown = typeof event === 'object' && event !== null && 'tags' in event ? event.tags : null
  const tag: unknown = Array.isArray(tags) ? tags.find((one: unknown) => Array.isArray(one) && one[0] === 'p') : null
  return NostrKey.safeParse(Array.isArray(tag) ? tag[1] : null).data ?? null
}

const idOf = (event: unknown): string | null =>
  typeof event === 'object' && event !== null && 'id' in event && typeof event.id === 'string' ? event.id : null

/**
 * What comes from relays: what is cheap is checked first, and no host is asked before all is. Only an event that is its author's counts as
 * seen, so that a relay cannot have a false copy stand for a true one.
 */
export function createArrivals({ mpc, bunkerOf, requests, events, clock }: Ports): (event: unknown) => void {
  const seen = new Seen({ most: MOST_SEEN, ms: SEEN_MS, clock })
  const strangers = createQuota({ of: 'key', ...OF_STRANGERS, clock })

  /** Has this stranger a place among the others of this minute? A new book may let in programs that are strangers until they are there. */
  function hasRoom({ keyId, record }: Bunker): boolean {
    try {
      strangers.spend([keyId, ...record.books.map(({ body }) => body.serial)].join())
      return true
    } catch {
      return false
    }
  }

  function verified(event: unknown, { keyId, signer }: Bunker): Envelope | null {
    try {
      return verifyEnvelope(mpc, event, signer)
    } catch {
      events.clientDropped({ keyId, why: 'invalid' })
      return null
    }
  }

  return (event) => {
    const recipient = recipientOf(event)
    const bunker = recipient === null ? undefined : bunkerOf(recipient)
    const id = idOf(event)
    if (bunker === undefined || id === null || seen.has(id)) return
    const envelope = verified(event, bunker)
    if (envelope === null) return
    const { pubkey, content } = envelope
    const isKnown = bunker.isKnown(pubkey)
    const work = { characters: content.length + 1_024, run: () => requests.arrive(bunker, envelope) }
    // One that is dropped is not seen: it may come again when there is room.
    if ((isKnown || hasRoom(bunker)) && bunker.queue.add(isKnown ? pubkey : null, work)) seen.add(envelope.id)
    else events.clientDropped({ keyId: bunker.keyId, why: 'full' })
  }
}
