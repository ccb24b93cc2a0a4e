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

/** The most keys that one recollection speaks of. */
export const MAX_RECALLED = 64

/**
 * The most parts that one recollection tells, over all its keys. Bytes in CBOR at most: 12,288 parts of 34, 2,048 lives of 169, 2,048
 * tallies of 32, 64 keys of 277. That is 848,000 of a frame's 1,048,576. One key has 4,096 parts at most, so that three always fit.
 */
export const MAX_RECALLED_PARTS = 12_288

/** What a host remembers of one key: the version in force, one that it is prepared for, and how often grants were used. */
const Remembered = z.strictObject({
  lineage: Digest,
  current: Version.nullable(),
  prepared: Version.nullable(),
  uses: z.array(Tally).max(32),
})
export type Remembered = Readonly<z.infer<typeof Remembered>>

/**
 * What a host remembers, under V, to another host of the same keys that has restarted: of each key, the serial of the newest manifest
 * that it has taken, and the newest life that it knows of each host of these keys. `to` is the asker's life: what was said to an earlier
 * one proves nothing. `life` is of the host that speaks.
 */
export const Recollection = signed(
  z.strictObject({
    to: Random32,
    life: Life,
    manifest: NewestSerial,
    lives: z.array(z.strictObject({ signKey: SignKey, life: Life })).max(32 * MAX_RECALLED),
    keys: z.array(Remembered).max(MAX_RECALLED),
  }),
)
export type Recollection = z.infer<typeof Recollection>
