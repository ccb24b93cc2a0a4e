import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { inWorkspace } from '../build/workspace.ts'
import { frame } from '../debian/warn.ts'
import type { Image } from '../eif/image.ts'
import { measureImage } from '../eif/measure.ts'
import { isOfSources, partsOf } from './parts.ts'

const Register = z.string().regex(/^[0-9a-f]{96}$/)
const Registers = z.strictObject({ 0: Register, 1: Register, 2: Register })

/** What an image of the pins and of the sources at some revision measures. See docs/adr/0015. */
export const Measurements = z.strictObject({
  pcrs: Registers,
  /** The set that was recorded before this one, or null for the first. */
  former: Registers.nullable(),
  /** SHA-256 by name, of every file in the order in which they are measured. */
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
})
export type Measurements = Readonly<z.infer<typeof Measurements>>

export const measurementsFile = inWorkspace('measurements.json')
export const readMeasurements = (): Measurements =>
  Measurements.parse(JSON.parse(readFileSync(measurementsFile, 'utf8')))

const digest = (contents: Uint8Array): string => createHash('sha256').update(contents).digest('hex')

/** The record of an image, in the place of an earlier one or of none. */
export function recordOf(image: Image, before: Measurements | null): Measurements {
  const pcrs = measureImage(image)
  const files = Object.fromEntries(partsOf(image).map(({ name, contents }) => [name, digest(contents)]))
  const former = (before?.pcrs[0] === pcrs['0'] ? before.former : before?.pcrs) ?? null
  return Measurements.parse({ pcrs, former, files })
}

/** Names of the files in which an image is not the recorded one, those first that are measured first. */
export function filesThatDiffer(image: Image, { files }: Measurements): string[] {
  const parts = partsOf(image)
  const changed = parts.filter(({ name, contents }) => files[name] !== digest(contents)).map(({ name }) => name)
  return [...changed, ...Object.keys(files).filter((name) => parts.every((part) => part.name !== name))]
}

/** Is it what is recorded? If not, lines with both sets and the reason. */
export function compareWithRecord(image: Image, recorded: Measurements): { same: boolean; text: string } {
  const built = measureImage(image)
  if (built['0'] === recorded.pcrs[0] && built['1'] === recorded.pcrs[1] && built['2'] === recorded.pcrs[2])
    return { same: true, text: 'these are the measurements recorded in infra/image/measurements.json\n' }
  const registers = (['0', '1', '2'] as const).flatMap((index) => [
    `PCR${index} recorded ${recorded.pcrs[index]}`,
    `     built    ${built[index]}${built[index] === recorded.pcrs[index] ? ', the same' : ''}`,
  ])
  const reasons = reasonsOf(filesThatDiffer(image, recorded))
  return { same: false, text: frame(['NOT THE RECORDED MEASUREMENTS', ...reasons, ...registers]) }
}

function reasonsOf(differing: readonly string[]): string[] {
  const configuration = 'rootfs/app/configuration.json'
  const sources = differing.filter((name) => isOfSources(name) && name !== configuration)
  const rest = differing.filter((name) => !isOfSources(name))
  const line = (what: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]
  return [
    ...line(
      'the configuration differs from the recorded one',
      differing.filter((name) => name === configuration),
    ),
    ...line('the sources differ from the recorded revision', sources),
    ...line('the pins, init or the command line differ from the recorded revision', rest),
    ...(differing.length === 0 ? ['every file is the recorded one, and the packing is not'] : []),
  ]
}
