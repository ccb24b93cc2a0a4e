import type { HostId, Seat } from '@quorate/shared/wire/host'

type Asked = Readonly<{ seats: readonly Pick<Seat, 'host'>[]; host: HostId; long?: boolean; items?: number }>

/**
 * ms that a host may take for one question. `timeoutMs` is for a seat alone. Its host's other seats may go first, and each checks a word
 * of all n participants: timeoutMs · (1 + seats · n / 100). In a `long` round each also multiplies points, about 2 n² of them:
 * timeoutMs · (1 + seats · n² / 1000). At 2 s these are 20 ms for each word and 2 ms for each pair, some five times what an idle
 * core takes. Each further item of a word counts as (n + 9) / 20 words: 12 ms of a key
 * of three people.
 */
export function timeLimit(timeoutMs: number, { seats, host, long = false, items = 1 }: Asked): number {
  const n = seats.length
  const here = seats.filter((seat) => seat.host === host).length
  const work = n * (long ? n : 10) + ((items - 1) * (n + 9)) / 2
  return Math.ceil(timeoutMs * (1 + (here * work) / 1_000))
}
