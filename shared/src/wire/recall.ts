import { z } from 'zod'
import { Digest, Index, Random32, SignKey, Time } from './ids.ts'
import { Life } from './identity.ts'
import { NewestSerial } from './manifest.ts'
import { signed } from './signed.ts'

/** One state of a key: its epoch, and H(certificate, body) of that epoch. */
const Version = z.strictObject({ epoch: z.int().min(0), digest: Digest })
export type Version = Readonly<z.infer<typeof Version>>

/** The most parts that a window is told in. */
export const MAX_PARTS = 128

/**
 * How often the grant of a participant's share was used, as far as a host knows: all uses that it was part of, from `since` (ms) on. Each
 * part: signatures until `end` (ms), ascending.
 */
export const Tally = z.strictObject({
  index: Index,
  since: Time,
  parts: z.array(z.strictObject({ end: Time, signatures: z.int().min(1) })).max(MAX_PARTS),
})
export type Tally = Readonly<z.infer<typeof Tally>>

/**
 * What a host remembers, under V, to another host of the same key that has restarted: the version of the key in force, one that it
 * is prepared for, the serial of the newest manifest it has taken, the newest life that it knows of each host, and how often grants
 * were used. `to` is the asker's life: what was said to an earlier one proves nothing. `life` is of the host that speaks.
 */
export const Recollection = signed(
  z.strictObject({
    lineage: Digest,
    to: Random32,
    life: Life,
    current: Version.nullable(),
    prepared: Version.nullable(),
    manifest: NewestSerial,
    lives: z.array(z.strictObject({ signKey: SignKey, life: Life })).max(32),
    uses: z.array(Tally).max(32),
  }),
)
export type Recollection = z.infer<typeof Recollection>
