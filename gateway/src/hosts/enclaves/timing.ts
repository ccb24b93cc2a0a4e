import type { BackOff } from '../../engine/back-off.ts'

/** Milliseconds, unless a name says otherwise. */
export type Timing = Readonly<{
  connectionsPerEnclave: number
  /** Calls that one enclave may have in flight; further ones are refused, so that a stuck enclave holds nobody's memory. */
  inFlightPerEnclave: number
  connectMs: number
  /** Between two round trips that ask whether an enclave is well. */
  healthEveryMs: number
  healthMs: number
  bootMs: number
  /** Between two attempts to open an enclave's root, when the first was refused. */
  unlockBackOff: BackOff
  /** The deadline of a call that names none. */
  callMs: number
  backOff: BackOff
}>

export const defaultTiming: Timing = {
  connectionsPerEnclave: 2,
  inFlightPerEnclave: 512,
  connectMs: 2_000,
  healthEveryMs: 2_000,
  healthMs: 3_000,
  bootMs: 20_000,
  unlockBackOff: { first: 1_000, longest: 30_000 },
  callMs: 5_000,
  backOff: { first: 50, longest: 2_000 },
}
