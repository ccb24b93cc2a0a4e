import { digestOf } from '@quorate/shared/crypto/sign'
import { refuse } from './errors.ts'
import type { Key } from './key.ts'

/**
 * What this program has seen of each key at one gateway, for as long as it runs: nothing that contradicts it is believed, and nothing
 * that is older is worked with.
 */
export type KnownKeys = Readonly<{
  /**
   * This key is there. Throws `keygen.roster_mismatch` when another roster has its id, `certificate.invalid` when it stands on
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

  /** The newest of the two that is known now. */
  function note(key: Key): Key {
    const known = newest.get(key.keyId)
    if (known === key) return key
    if (known !== undefined && rosterOf(known) !== rosterOf(key)) return refuse('keygen.roster_mismatch')
    const isNewer = known === undefined || epochOf(key) > epochOf(known)
    if (known !== undefined && !(isNewer ? leadsTo(known, key) : leadsTo(key, known)))
      return refuse('certificate.invalid')
    if (isNewer) newest.set(key.keyId, key)
    return isNewer ? key : known
  }

  return {
    note: (key) => void note(key),
    requireCurrent: (key) => {
      if (note(key).digest !== key.digest) refuse('epoch.stale')
    },
    epochOf: (key) => epochOf(note(key)),
  }
}
