import { fromAws, Measurements } from '@quorate/shared/wire/measurements'
import * as z from 'zod'

/**
 * An image that the key serves. `pcrs`: PCR0 to 2 and, for a signed image, PCR8, as lower-case hex. `until`: the day (UTC) from
 * whose beginning on it is refused; null for the image that stays.
 */
export type AcceptedImage = Readonly<{ pcrs: Measurements; until: string | null }>

const required = ['0', '1', '2']
const bindable = new Set([...required, '8'])

/**
 * Reads the contents of a `pcrs.json`, or what nitro-cli prints of an image. Throws a plain Error that names the register: one that is missing, is not SHA-384, is
 * all zero (a debug image, or for PCR8 an unsigned one), or differs between the hosts of one image (PCR3 and 4).
 */
export function readPcrs(file: unknown): Measurements {
  const entries = z.record(z.string(), z.unknown()).safeParse(fromAws(file))
  if (!entries.success) throw new Error('pcrs.json: expected an object of PCR index → hex')
  for (const index of required)
    if (!Object.hasOwn(entries.data, index)) throw new Error(`pcrs.json: PCR${index} is missing`)
  for (const [index, value] of Object.entries(entries.data)) {
    if (!bindable.has(index)) throw new Error(`pcrs.json: ${index} is not one of PCR 0, 1, 2 and 8`)
    if (typeof value !== 'string' || !/^[0-9a-f]{96}$/.test(value))
      throw new Error(`pcrs.json: PCR${index} is not 48 bytes as lower-case hex`)
    if (/^0+$/.test(value)) throw new Error(`pcrs.json: PCR${index} is zero: ${zeroMeans(index)}`)
  }
  return Measurements.parse(entries.data)
}

const zeroMeans = (index: string): string =>
  index === '8' ? 'the image is not signed; leave PCR8 out' : 'this is an image in debug mode'

/** Milliseconds at the beginning of a day, `2026-12-01`, in UTC. Throws a plain Error for what is no day of the calendar. */
export function startOf(day: string): number {
  const time = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(day)) throw new Error(`not a date: ${day}`)
  return time
}
