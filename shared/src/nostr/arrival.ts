/** By how much the date of an event may differ from the signer's clock. Seconds. */
export const oldestArrival = 600
export const newestArrival = 60

/** Is an event of this date (s) one that has just been written? `now` in ms. An older one may have been kept back, to be brought now. */
export const isFreshEvent = (createdAt: number, now: number): boolean => {
  const behind = now / 1_000 - createdAt
  return behind <= oldestArrival && behind >= -newestArrival
}
