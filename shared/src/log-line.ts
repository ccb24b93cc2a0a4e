import * as z from 'zod/mini'

/** How much an event matters: `debug` to nobody but who looks for a fault, `fatal` to whoever runs the thing, at once. */
const Level = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
export type Level = z.infer<typeof Level>

/**
 * One line of any log, as JSON: when, how much it matters, and what happened, by a name like `keygen.ended`. Its other fields are the event's
 * own. An enclave's line has its name in `enclave`.
 */
export const LogLine = z.looseObject({
  time: z.iso.datetime({ precision: 3 }),
  level: Level,
  event: z.string().check(z.regex(/^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+$/)),
})
export type LogLine = z.infer<typeof LogLine>

const now = (): string => new Date().toISOString()

/** Writes one line, without its end. */
export const writeLine = (level: Level, fields: Readonly<{ event: string } & Record<string, unknown>>): string =>
  JSON.stringify({ time: now(), level, ...fields })

/** Makes pino write such lines, when the name of the event stands in the place of its message. */
export const pinoOptions = {
  base: null,
  messageKey: 'event',
  timestamp: (): string => `,"time":"${now()}"`,
  formatters: { level: (level: string) => ({ level }) },
} as const
