import { EventRepository, type Event, type EventRepositoryUpsertResult, type Filter } from '@nostr-relay/common'
import { isAddressableKind, isReplaceableKind } from 'nostr-tools/kinds'
import { matches } from './matches.ts'

const LONGEST_ANSWER = 500

/** Where an event is kept: one of a replaceable kind takes the place of the one before it. */
function placeOf(event: Event): string {
  if (isReplaceableKind(event.kind)) return `${event.kind}:${event.pubkey}`
  if (!isAddressableKind(event.kind)) return event.id
  const name = event.tags.find(([key]) => key === 'd')?.[1] ?? ''
  return `${event.kind}:${event.pubkey}:${name}`
}

/** NIP-01: the later one; of two at the same second the one with the lower id. */
const replaces = (next: Event, held: Event): boolean =>
  next.created_at === held.created_at ? next.id < held.id : next.created_at > held.created_at

/** What a relay keeps, for as long as it runs. */
export class Memory extends EventRepository {
  readonly #events = new Map<string, Event>()

  isSearchSupported(): boolean {
    return false
  }

  upsert(event: Event): EventRepositoryUpsertResult {
    const place = placeOf(event)
    const held = this.#events.get(place)
    if (held !== undefined && !replaces(event, held)) return { isDuplicate: true }
    this.#events.set(place, event)
    return { isDuplicate: false }
  }

  find(filter: Filter): Event[] {
    return [...this.#events.values()]
      .filter((event) => matches([filter], event))
      .sort((one, other) => other.created_at - one.created_at)
      .slice(0, filter.limit ?? LONGEST_ANSWER)
  }

  destroy(): Promise<void> {
    this.#events.clear()
    return Promise.resolve()
  }
}
