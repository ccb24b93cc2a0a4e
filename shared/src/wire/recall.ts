import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import { Digest, GrantId, Index, Random32, SignKey, Time } from './ids.ts'
import { Life } from './identity.ts'
import { NewestSerial, Serial } from './manifest.ts'
import { signed } from './signed.ts'

/** One state of a key: its epoch, and H(certificate, body) of that epoch. */
export const Version = z.strictObject({ epoch: z.int().check(z.minimum(0)), digest: Digest })
export type Version = Readonly<z.infer<typeof Version>>

/** The longest window of a limit, s: ten years, which is to say in all. */
export const MAX_WINDOW = 315_360_000

/** The most parts that a window is told in. */
export const MAX_PARTS = 128

/**
 * How often a grant of a participant's share was used in the windows of one limit, as far as a host knows: all uses that it was part of,
 * from `since` (ms) on. `grant`: null for the registered one. `seconds`: of a window. Each part: signatures until `end` (ms), ascending.
 */
export const Tally = z.strictObject({
  index: Index,
  grant: z.nullable(GrantId),
  seconds: z.int().check(z.minimum(1), z.maximum(MAX_WINDOW)),
  since: Time,
  parts: z.array(z.strictObject({ end: Time, signatures: z.int().check(z.minimum(1)) })).check(z.maxLength(MAX_PARTS)),
})
export type Tally = Readonly<z.infer<typeof Tally>>

/** The most tallies of one key, and the most parts of all of them: of as many tallies, each is told in 8. */
export const MAX_TALLIES = 512
export const MAX_KEY_PARTS = 4_096

/**
 * Of a participant's grants that no tally names: a host knows all uses that it was part of, from `since` (ms) on; of `renewed`, which count
 * from anew, all there are. A key has `MAX_TALLIES` of those at most.
 */
const Past = z.strictObject({ index: Index, since: Time, renewed: z.array(GrantId).check(z.maxLength(MAX_TALLIES)) })
export type Past = Readonly<z.infer<typeof Past>>

/** The newest book of grants that a host knows of the owner of a share. */
const Floor = z.strictObject({ index: Index, serial: Serial, digest: Digest })
export type Floor = Readonly<z.infer<typeof Floor>>

/** The most keys that one recollection speaks of. */
export const MAX_RECALLED = 64

/**
 * The most that one recollection tells over all its keys: of parts, of tallies and renewed grants together, and of participants. Bytes in
 * CBOR at most: 12,288 parts of 34, 2,048 tallies of 68, 1,024 participants of 300 (a past, a book, a host's life), 64 keys of 320. That is
 * 885,000 of a frame's 4,194,304. One key has 4,096 parts, 512 tallies, 512 renewed grants and 100 participants at most: two always fit.
 */
export const MAX_RECALLED_PARTS = 12_288
export const MAX_RECALLED_TALLIES = 2_048
export const MAX_RECALLED_PARTICIPANTS = 1_024

/**
 * What a host remembers of one key: the version in force, one that it is prepared for, how often grants were used, and the newest books of
 * grants. `complete`: the participants of whom it knows that there is no newer book than this one, or none.
 */
const Remembered = z.strictObject({
  lineage: Digest,
  current: z.nullable(Version),
  prepared: z.nullable(Version),
  uses: z.array(Tally).check(z.maxLength(MAX_TALLIES)),
  pasts: z.array(Past).check(z.maxLength(mostParticipants)),
  books: z.array(Floor).check(z.maxLength(mostParticipants)),
  complete: z.array(Index).check(z.maxLength(mostParticipants)),
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
    lives: z.array(z.strictObject({ signKey: SignKey, life: Life })).check(z.maxLength(MAX_RECALLED_PARTICIPANTS)),
    keys: z.array(Remembered).check(z.maxLength(MAX_RECALLED)),
  }),
)
export type Recollection = z.infer<typeof Recollection>
