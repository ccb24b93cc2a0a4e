import { pinoOptions } from '@quorate/shared/log-line'
import { causingRequest } from './engine/cause.ts'
import { pino, type DestinationStream, type Logger } from 'pino'

const mixin = (): { requestId?: string } => {
  const requestId = causingRequest()
  return requestId === undefined ? {} : { requestId }
}

/** A log of lines as `LogLine` says. What takes the place of a message in a call is the name of the event. A line that a request has led to names it. */
export const createLog = (level: string, to?: DestinationStream): Logger => {
  const options = { ...pinoOptions, level, mixin }
  return to === undefined ? pino(options) : pino(options, to)
}
