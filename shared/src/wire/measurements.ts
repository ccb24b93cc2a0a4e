import { z } from 'zod'

/** Platform configuration registers: index in decimal → SHA-384 in hex. */
export const Measurements = z.record(
  z.string().regex(/^([0-9]|[12][0-9]|3[01])$/, 'a PCR index, 0 to 31'),
  z.string().regex(/^[0-9a-f]{96}$/, 'SHA-384 as lower-case hex'),
)
export type Measurements = Readonly<z.infer<typeof Measurements>>
