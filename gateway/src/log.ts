import { pinoOptions } from '@quorate/shared/log-line'
import { pino, type DestinationStream, type Logger } from 'pino'

/** A log of lines as `LogLine` says. What takes the place of a message in a call is the name of the event. */
export const createLog = (level: string, to?: DestinationStream): Logger => {
  const options = { ...pinoOptions, level }
  return to === undefined ? pino(options) : pino(options, to)
}
