import { EnclaveId } from '@quorate/shared/wire/ids'
import { expect, it } from 'vitest'
import { timeLimit } from './time-limit.ts'

const [first, ...others] = ['enclave-0', 'enclave-1', 'enclave-2'].map((id) => EnclaveId.parse(id))
/** So many people in turn on three hosts, or on one. */
const seatsOf = (n: number, hosts = [first!, ...others]) =>
  Array.from({ length: n }, (_, at) => ({ host: hosts[at % hosts.length]! }))
const limit = (n: number, long: boolean, hosts?: (typeof first & string)[]) =>
  timeLimit(2_000, { seats: seatsOf(n, hosts), host: first!, long })

it('is what was configured for a few people, and grows with people and seats', () => {
  expect([3, 10, 32].map((n) => limit(n, true))).toEqual([2_018, 2_800, 24_528])
  expect([3, 10, 32].map((n) => limit(n, false))).toEqual([2_060, 2_800, 9_040])
  expect(limit(32, true, [first!])).toBe(67_536)
  expect(timeLimit(20_000, { seats: seatsOf(3), host: first!, long: true })).toBe(20_180)
})

it('grows with the items that each word is on', () => {
  const of = (n: number, items: number) => timeLimit(2_000, { seats: seatsOf(n), host: first!, items })
  expect([1, 10, 100].map((items) => of(3, items))).toEqual([2_060, 2_168, 3_248])
  expect(of(100, 100)).toBe(436_894)
})
