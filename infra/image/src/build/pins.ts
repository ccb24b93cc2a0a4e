import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { inWorkspace } from './workspace.ts'

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const DebianPackage = z.strictObject({ name: z.string(), version: z.string(), sha256: Sha256 })
export type DebianPackage = Readonly<z.infer<typeof DebianPackage>>

/** Everything foreign that goes into the image or makes a part of it, by digest: what is not here, the image does not hold. */
export const Pins = z.strictObject({
  /** A time at which the Debian archive had all these versions, for the archive's own archive. */
  snapshot: z.string().regex(/^\d{8}T\d{6}Z$/),
  debian: z.strictObject({
    kernel: z.tuple([DebianPackage]),
    /** The libraries that Node is linked with. */
    runtime: z.array(DebianPackage),
    /** The compiler and linker of init, and what those are linked with. */
    toolchain: z.array(DebianPackage),
  }),
  node: z.strictObject({ package: z.string(), version: z.string(), sha256: Sha256 }),
})
export type Pins = Readonly<z.infer<typeof Pins>>

export const readPins = (): Pins => Pins.parse(JSON.parse(readFileSync(inWorkspace('pins.json'), 'utf8')))

export const fits = (contents: Uint8Array, sha256: string): boolean =>
  createHash('sha256').update(contents).digest('hex') === sha256
