/**
 * `Retry-After` (RFC 9110 §10.2.3) in ms: seconds, or a date, which is read by the clock of who sent it where the answer has a `Date`. Null for
 * what is neither.
 */
export function readRetryAfter(
  { retryAfter, date }: Readonly<{ retryAfter: string | null | undefined; date: string | null | undefined }>,
  now: number,
): number | null {
  const text = retryAfter?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  if (!/[a-z]/i.test(text)) return null
  const sentAt = Date.parse(date ?? '')
  const after = Date.parse(text) - (Number.isNaN(sentAt) ? now : sentAt)
  return Number.isNaN(after) ? null : Math.max(0, after)
}
