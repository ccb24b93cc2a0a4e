import type { SigningOwn } from './signing-terms.ts'

/*
 * A signing of several items does not wait to its end for words on some of them: there is time left to sign those that have enough.
 */

/** For so long before the end of a request, and for a quarter of its time at most, no word is waited for any more. ms */
const CLOSING = 30_000

/** Does it wait for no more words? One item is signed as soon as it has enough. */
export const isClosing = ({ closing = false, request }: SigningOwn): boolean =>
  closing || request.body.items.length === 1

/** When the signing stops waiting for words, then when it is over. */
export function deadlineOf(own: SigningOwn): number {
  const { askedAt, expiresAt } = own.request.body
  if (isClosing(own)) return expiresAt
  return expiresAt - Math.min(CLOSING, Math.floor(Math.max(0, expiresAt - askedAt) / 4))
}
