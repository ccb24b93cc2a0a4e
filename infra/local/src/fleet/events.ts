import type { Measurements } from '@quorate/shared/wire/measurements'

/** What happens to a fleet, for whoever shows it. Times in ms. */
export type FleetEvent =
  /** `renewed`: the image is another one than at the last start on this state. */
  | { type: 'measured'; measurements: Measurements; renewed: boolean }
  | { type: 'started'; name: string; pid: number }
  | { type: 'ready'; name: string; after: number }
  | { type: 'exited'; name: string; code: number | null; signal: NodeJS.Signals | null; restartIn: number | null }
  | { type: 'fleet.ready'; url: string; after: number }
  | { type: 'stopping' }
  | { type: 'stopped'; after: number }

export type OnFleetEvent = (event: FleetEvent) => void

/** Something about the machine or the state folder that a person has to put right; the text says how. */
export class FleetError extends Error {
  override readonly name = 'FleetError'
}
