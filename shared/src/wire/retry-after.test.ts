import { expect, it } from 'vitest'
import { readRetryAfter } from './retry-after.ts'

const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT')

it.each([
  ['7', undefined, 7_000],
  [' 7 ', null, 7_000],
  ['Wed, 21 Oct 2026 07:28:09 GMT', undefined, 9_000],
  ['Wed, 21 Oct 2026 09:00:03 GMT', 'Wed, 21 Oct 2026 09:00:00 GMT', 3_000],
  ['Wed, 21 Oct 2026 07:00:00 GMT', undefined, 0],
  ['soon', undefined, null],
  ['-1', undefined, null],
  ['1e3', undefined, null],
  ['', undefined, null],
  [null, undefined, null],
])('reads %j beside the date %j', (retryAfter, date, ms) => {
  expect(readRetryAfter({ retryAfter, date }, now)).toBe(ms)
})
