import type { refresh } from '@quorate/shared/ceremonies/refresh'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { Installed, Prepared, RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { Session } from '../engine/course.ts'
import type { Certified, DkgGiven } from './dkg.ts'

/** `away`: indices of the seats whose hosts were not there when last looked for. */
export type RefreshOwn = Readonly<{ request: RefreshRequest; away: readonly number[] }>

/** What all hosts have prepared, and their words for it. */
export type Prepare = Readonly<{ certificate: Certificate; prepared: readonly Prepared[] }>

/**
 * To `prepare` are given the shares of the new epoch, until it is saved: then they stand with the key. `inForce`: all hosts had
 * prepared before, so that the new epoch is the key's, and there is no way back. `until` (ms): the end of the hold, null before it has begun.
 */
type RefreshGiven = DkgGiven & {
  prepare: Certified & Readonly<{ inForce: boolean }>
  hold: Prepare & Readonly<{ until: number | null }>
  install: Prepare
}

export type RefreshTerms = {
  ceremony: typeof refresh
  own: RefreshOwn
  /** The request is all that a person says. */
  word: never
  given: RefreshGiven
  result: Readonly<{ certificate: Certificate; prepared: readonly Prepared[]; installed: readonly Installed[] }>
  status: RefreshStatus
  /** It stands with the key. */
  lacks: { prepare: 'sealedShare'; install: 'sealedShare' }
  ready: never
}
export type RefreshSession = Session<RefreshTerms>
