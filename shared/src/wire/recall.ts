import { z } from 'zod'
import { Digest, Random32 } from './ids.ts'
import { Serial } from './manifest.ts'
import { signed } from './signed.ts'

/** One state of a key: its epoch, and H(certificate, body) of that epoch. */
const Version = z.strictObject({ epoch: z.int().min(0), digest: Digest })
export type Version = Readonly<z.infer<typeof Version>>

/**
 * What a host remembers, under V, to another host of the same key that has restarted: the version of the key in force, one that it
 * is prepared for, and the serial of the newest manifest it has taken (0: none). `life` is the asker's `bootId`: what was said to
 * an earlier life of it proves nothing.
 */
export const Recollection = signed(
  z.strictObject({
    lineage: Digest,
    life: Random32,
    current: Version.nullable(),
    prepared: Version.nullable(),
    manifest: z.union([z.literal(0), Serial]),
  }),
)
export type Recollection = z.infer<typeof Recollection>
