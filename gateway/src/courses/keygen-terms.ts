import type { keygen } from '@quorate/shared/ceremonies/keygen'
import type { SchemeName } from '@quorate/shared/schemes/table'
import type { EnclaveId, UserId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import type { KeygenStatus } from '@quorate/shared/wire/routes/keygen'
import type { Inbox, Session } from '../engine/course.ts'
import type { Certified, DkgGiven } from './dkg.ts'

/** Who will hold a share: the identity is the one that its enclave had when the key was reserved. */
export type Person = Readonly<{ userId: UserId; identity: EnclaveIdentity }>

/** A registration as it was sealed to its enclave, and what the enclave said to it. */
export type Registered = Readonly<{ sealed: string; receipt: RegistrationReceipt }>

/** The client's sealed part for one enclave, kept to bring the enclave back after a restart. */
export type SealedInit = Readonly<{ enclaveId: EnclaveId; sealed: string }>

/**
 * What the people have fixed. A reservation is held until `initBy` (ms) for the skeleton, and a skeleton until `joinBy` (ms) for a second
 * registration.
 */
export type Plan =
  | Readonly<{ name: 'reserved'; initBy: number }>
  | Readonly<{
      name: 'fixed'
      skeleton: Skeleton
      inits: readonly SealedInit[]
      registrations: Inbox<Registered>
      joinBy: number
    }>

/** `people` stand in the order of their seats. `holder`: who reserved it, as bounds count it. */
export type KeygenOwn = Readonly<{
  holder: string
  scheme: SchemeName
  threshold: number
  expiresAt: number
  people: readonly Person[]
  plan: Plan
}>

export type KeygenWord =
  | Readonly<{ type: 'initialised'; skeleton: Skeleton; inits: readonly SealedInit[]; joinBy: number }>
  | Readonly<{ type: 'registered'; index: number; registered: Registered }>
  | Readonly<{ type: 'displaced' }>

/**
 * `before`: what all hosts had prepared before one of them restarted; null when none has yet. The shares stand here, and not with a key
 * yet: nothing of it is usable before all have installed it.
 */
export type KeygenGiven = DkgGiven & {
  accept: null
  prepare: Certified & Readonly<{ before: readonly Prepared[] | null }>
  install: Certified & Readonly<{ prepared: readonly Prepared[] }>
}

export type KeygenTerms = {
  ceremony: typeof keygen
  own: KeygenOwn
  word: KeygenWord
  given: KeygenGiven
  result: Certified & Readonly<{ prepared: readonly Prepared[]; installed: readonly Installed[] }>
  status: KeygenStatus
  lacks: Record<string, never>
  ready: never
}
export type KeygenSession = Session<KeygenTerms>
