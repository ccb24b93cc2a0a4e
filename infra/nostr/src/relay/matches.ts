import type { Event, Filter } from '@nostr-relay/common'
import { matchFilters, type Filter as AnyFilter } from 'nostr-tools/filter'

/** Whether one of the filters wants this event, tags included. The package's own comparison leaves tags out. */
export const matches = (filters: readonly Filter[], event: Event): boolean =>
  matchFilters(filters as AnyFilter[], event)
