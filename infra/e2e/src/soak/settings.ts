import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Range } from './draw.ts'

/** All times in ms. */
export type Settings = Readonly<{
  /** Everything that is drawn follows from it. */
  seed: string
  /** For how long signatures are asked for. */
  time: number
  /** Signings that are asked for at once. */
  inFlight: number
  /** From one kill to the next. */
  betweenKills: Range
  /** How long a process stands still. */
  freeze: number
  /** From one keygen or refresh to the next. */
  betweenKeyChanges: Range
  /** Between two signings of a key that signs now and then. */
  betweenRare: Range
  /** Until when a signing, a keygen, a refresh may take. */
  deadline: number
  /** Beyond a deadline, for a process that comes back, and for the fleet to be ready: no machine is as slow as that. */
  patience: number
  /** Whether it is a fault that no host of a key knows its epoch: of three hosts two are always up. */
  unprovenIsFault: boolean
}>

const common = { deadline: 120_000, patience: 180_000, unprovenIsFault: true } as const

/** Ten minutes, as people run it. */
const long: Omit<Settings, 'seed'> = {
  ...common,
  time: 600_000,
  inFlight: 50,
  betweenKills: [20_000, 45_000],
  freeze: 10_000,
  betweenKeyChanges: [15_000, 40_000],
  betweenRare: [50_000, 90_000],
}

/** One minute, as CI runs it: the same things, closer together. */
export const short: Omit<Settings, 'seed'> = {
  ...common,
  time: 60_000,
  inFlight: 20,
  betweenKills: [5_000, 9_000],
  freeze: 3_000,
  betweenKeyChanges: [4_000, 8_000],
  betweenRare: [10_000, 20_000],
}

const Environment = z.object({
  SEED: z.string().optional(),
  SECONDS: z.coerce.number().int().min(1).max(86_400).optional(),
  IN_FLIGHT: z.coerce.number().int().min(1).max(200).optional(),
  UNPROVEN: z.enum(['count', 'fail']).optional(),
})

/** What is set and not empty. Throws a plain Error that names what is wrong. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = Environment.safeParse(set)
  if (!read.success) throw new Error(z.prettifyError(read.error))
  const { SEED, SECONDS, IN_FLIGHT, UNPROVEN } = read.data
  return {
    ...long,
    seed: SEED ?? randomBytes(4).toString('hex'),
    time: SECONDS === undefined ? long.time : SECONDS * 1_000,
    inFlight: IN_FLIGHT ?? long.inFlight,
    unprovenIsFault: UNPROVEN === undefined ? long.unprovenIsFault : UNPROVEN === 'fail',
  }
}
