import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { inWorkspace } from '../build/workspace.ts'

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const DebianPackage = z.strictObject({ name: z.string(), version: z.string(), sha256: Sha256 })
export type DebianPackage = Readonly<z.infer<typeof DebianPackage>>

/** Everything foreign that goes into the image or decides the bytes of a part of it, by digest. */
export const Pins = z.strictObject({
  /** A time at which the Debian archive had all these versions, for the archive's own archive. */
  snapshot: z.string().regex(/^\d{8}T\d{6}Z$/),
  debian: z.strictObject({
    kernel: z.tuple([DebianPackage]),
    /** The libraries that Node is linked with, and on which the compiler of init runs. */
    runtime: z.array(DebianPackage),
    /** What init is compiled, assembled and linked by and from. */
    toolchain: z.array(DebianPackage),
    /** What the compiler only runs on, or reads without a trace in init: by name, as the suite has it. */
    libraries: z.array(z.string()),
  }),
  node: z.strictObject({ package: z.string(), version: z.string(), sha256: Sha256 }),
})
export type Pins = Readonly<z.infer<typeof Pins>>

export const pinsFile = inWorkspace('pins.json')
export const readPins = (): Pins => Pins.parse(JSON.parse(readFileSync(pinsFile, 'utf8')))

export const pinnedPackages = ({ debian }: Pins): DebianPackage[] => [
  ...debian.kernel,
  ...debian.runtime,
  ...debian.toolchain,
]

/** The same pins with some packages in the place of others. */
export function replacePins(pins: Pins, replace: (one: DebianPackage) => DebianPackage): Pins {
  const { kernel, runtime, toolchain } = pins.debian
  const debian = {
    ...pins.debian,
    kernel: [replace(kernel[0])] as [DebianPackage],
    runtime: runtime.map(replace),
    toolchain: toolchain.map(replace),
  }
  return { ...pins, debian }
}

export const atVersion = ({ name, version }: DebianPackage): string => `${name}=${version}`

export const fits = (contents: Uint8Array, sha256: string): boolean =>
  createHash('sha256').update(contents).digest('hex') === sha256
