import { digestOf } from '@quorate/shared/crypto/sign'
import { refuse } from './errors.ts'
import type { Key } from './key.ts'

/**
 * What this program has seen of each key at one gateway, for as long as it runs: nothing that contradicts it is believed, and nothing
 * that is older is worked with.
 */
export type KnownKeys = Readonly<{
  /** Throws `keygen.skeleton_mismatch` when another frame (D0) is known under this id. */
  requireFrame: (keyId: string, skeletonDigest: string) => void
  /** The same, and takes the frame for that of this id. */
  noteFrame: (keyId: string, skeletonDigest: string) => void
  /**
   * This key is there. Throws `keygen.skeleton_mismatch` or `keygen.roster_mismatch` when another frame or roster has its id, `certificate.invalid` when it stands on
   * another branch of the history.
   */
  note: (key: Key) => void
  /** The same, and throws `epoch.stale` when a newer epoch of the key has been seen. */
  requireCurrent: (key: Key) => void
  /** The highest epoch that has been seen of the key. Throws as `note`. */
  epochOf: (key: Key) => number
}>

const epochOf = ({ certificate }: Key): number => certificate.body.epoch
const rosterOf = ({ certificate }: Key): string => digestOf('roster', certificate.body.roster)

/** Is `older` one of the versions through which `newer` came to be? */
const leadsTo = (older: Key, newer: Key): boolean =>
  older.digest === newer.digest ||
  newer.earlier.some(({ body }) => body.epoch === epochOf(older) && digestOf('certificate', body) === older.digest)

export function createKnownKeys(): KnownKeys {
  const newest = new Map<string, Key>()
  const frames = new Map<string, string>()

  function requireFrame(keyId: string, skeletonDigest: string): void {
    const frame = frames.get(keyId)
    if (frame !== undefined && frame !== skeletonDigest) refuse('keygen.skeleton_mismatch')
  }

  function noteFrame(keyId: string, skeletonDigest: string): void {
    requireFrame(keyId, skeletonDigest)
    frames.set(keyId, skeletonDigest)
  }

  /** The newest of the two that is known now. */
  function note(key: Key): Key {
    const known = newest.get(key.keyId)
    if (known === key) return key
    if (known !== undefined && rosterOf(known) !== rosterOf(key)) return refuse('keygen.roster_mismatch')
    noteFrame(key.keyId, digestOf('skeleton', key.certificate.body.roster.skeleton))
    const isNewer = known === undefined || epochOf(key) > epochOf(known)
    if (known !== undefined && !(isNewer ? leadsTo(known, key) : leadsTo(key, known)))
      return refuse('certificate.invalid')
    if (isNewer) newest.set(key.keyId, key)
    return isNewer ? key : known
  }

  return {
    requireFrame,
    noteFrame,
    note: (key) => void note(key),
    requireCurrent: (key) => {
      if (note(key).digest !== key.digest) refuse('epoch.stale')
    },
    epochOf: (key) => epochOf(note(key)),
  }
}
