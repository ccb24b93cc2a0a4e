import * as z from 'zod/mini'

/** Platform configuration registers: index in decimal → SHA-384 in hex. */
export const Measurements = z.record(
  z.string().check(z.regex(/^([0-9]|[12][0-9]|3[01])$/, 'a PCR index, 0 to 31')),
  z.string().check(z.regex(/^[0-9a-f]{96}$/, 'SHA-384 as lower-case hex')),
)
export type Measurements = Readonly<z.infer<typeof Measurements>>

const aws = /^PCR(\d{1,2})$/

/**
 * A set as `nitro-cli build-enclave` and `describe-eif` print it, `{"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": "…"}}`, whole or
 * its inner part, becomes one of ours. So does hex in upper case. Anything else stays as it is, for the schema to refuse.
 */
export function fromAws(given: unknown): unknown {
  if (!isObject(given)) return given
  const inner = isObject(given['Measurements']) ? given['Measurements'] : given
  const { HashAlgorithm: algorithm, ...registers } = inner
  if (algorithm !== undefined && !(typeof algorithm === 'string' && /^sha-?384\b/i.test(algorithm))) return inner
  const nameOf = (name: string): string => {
    const index = aws.exec(name)?.[1]
    // A register that is named twice is the schema's to refuse.
    return index === undefined || Object.hasOwn(registers, index) ? name : index
  }
  const lower = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value)
  return Object.fromEntries(Object.entries(registers).map(([name, value]) => [nameOf(name), lower(value)]))
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
