/** For how long a word on one request counts, whatever its expiry: 31 days. ms */
export const LONGEST_WORD = 31 * 86_400_000

/** By how much a participant's clock may be ahead. ms */
export const CLOCK_SKEW = 60_000

/** Is `now` between giving and expiry? A word from the future is none: else its giver's date would lengthen its life. All ms. */
export const isInForce = (givenAt: number, expiresAt: number, now: number): boolean =>
  givenAt <= now + CLOCK_SKEW && now < expiresAt

/** The same for a word on one request, which is in force for 31 days at most. All ms. */
export const isFresh = (givenAt: number, expiresAt: number, now: number): boolean =>
  isInForce(givenAt, expiresAt, now) && now - givenAt <= LONGEST_WORD
