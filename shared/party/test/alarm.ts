import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Alarm, GiveWay } from '../src/ports.ts'

/** As a host has it. A test lets time pass by fake timers. */
export const alarm: Alarm = (ms, ring) => {
  // eslint-disable-next-line no-restricted-syntax -- this is what waits, and no test
  const timer = setTimeout(ring, ms)
  return () => clearTimeout(timer)
}

/** As an enclave does. */
export const giveWay: GiveWay = () => nextTurn()
