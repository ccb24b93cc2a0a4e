import type { ItemOutcome, PreSignedItem } from '@quorate/client'

/** The item as it must be when it was asked for with an adaptor. */
export function preSigned(item: ItemOutcome | undefined): PreSignedItem {
  if (item === undefined || item.refused !== null || item.preSignatures === null) throw new Error('not pre-signed')
  return item
}
