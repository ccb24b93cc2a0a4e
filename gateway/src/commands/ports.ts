import type { KeyId, SigningId } from '@quorate/shared/wire/ids'
import type { RegistrationReceipt, Skeleton, Slot } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type {
  KeygenStatus,
  Reservation,
  InitBody,
  ParticipantBody,
  ReserveBody,
} from '@quorate/shared/wire/routes/keygen'
import type { KeyEpoch } from '@quorate/shared/wire/routes/keys'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { SigningBody, SigningProgress, SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { ApprovalsBody, SigningsBody, SigningsTaken } from '@quorate/shared/wire/routes/together'
import type { Withdrawal } from '@quorate/shared/wire/signing'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Approval } from '@quorate/shared/wire/consent'
import type { z } from 'zod'
import type { Waiting } from '../engine/ports.ts'
import type { Events } from '../events.ts'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { NostrPorts } from '../nostr/bunkers.ts'
import type { OfferedBunkers } from '../nostr/offered.ts'
import type { Store } from '../store/store.ts'

/**
 * `roundTimeoutMs`: for one call to an enclave, of a large key more (`timeLimit`). The others bound what each caller can make the gateway and
 * its hosts hold.
 */
export type Limits = Readonly<{
  roundTimeoutMs: number
  /** Of all callers, and the people in them: enclaves hold less than three times as many. */
  openKeygens: number
  openSeats: number
  openKeygensPerHolder: number
  /** Keygens that one holder may initialise in a day: hosts forget no key that comes of them. */
  keygensPerHolder: number
  /** How long a keygen lasts in which one participant at most has registered. */
  aloneMs: number
  /** How long a reservation is held that nobody initialises. */
  reservedMs: number
  openSigningsPerAsker: number
  /** Of the open signings of one asker, one key, and all: characters of their sealed items, 512 for each item, and 16,384 for each signing. */
  weightPerAsker: number
  weightPerKey: number
  weightOfSignings: number
  /** Refreshes that one participant of a key may begin in a day, most of which its hosts refuse. */
  refreshesPerAsker: number
  /** How far ahead a signing may expire. */
  signingTtlMs: number
  /** How far ahead a refresh may expire. */
  refreshTtlMs: number
}>

export const defaultLimits: Limits = {
  roundTimeoutMs: 2_000,
  openKeygens: 10_000,
  openSeats: 40_000,
  openKeygensPerHolder: 100,
  keygensPerHolder: 1_000,
  aloneMs: 1_800_000,
  reservedMs: 600_000,
  openSigningsPerAsker: 250,
  weightPerAsker: 8 << 20,
  weightPerKey: 32 << 20,
  weightOfSignings: 512 << 20,
  refreshesPerAsker: 24,
  signingTtlMs: 31 * 86_400_000,
  refreshTtlMs: 7 * 86_400_000,
}

/** `name`: of the gateway, by which it holds its lease on sessions. */
export type Ports = Readonly<{
  name: string
  store: Store
  enclaves: Omit<Enclaves, 'close'>
  /** Milliseconds since 1970. */
  clock: () => number
  events: Events
  limits?: Partial<Limits>
  nostr: NostrPorts
}>

export type StatusOf = { keygen: KeygenStatus; signing: SigningProgress; refresh: RefreshStatus }

/**
 * Which part of a list: `limit` signings at most, behind the one named `cursor` in the order of ids. `after`: of those alone that have come later than this one,
 * unless it has ended.
 */
export type Page = Readonly<{
  limit?: number | undefined
  cursor?: SigningId | undefined
  after?: SigningId | undefined
}>

/** `next`: the cursor of the page after this one, null when this is the last. `newest`: which has come last, of all that are open. */
export type SigningPage = Readonly<{ signings: SigningStatus[]; next: SigningId | null; newest: SigningId | null }>

/** How a session of one kind is read and followed. */
export type Following<S> = Readonly<{
  /** Rejects with `request.not_found`. */
  status: (id: string) => Promise<S>
  /** The next status that `waiting` asks for, or the current one when time is up. */
  wait: (id: string, waiting: Waiting) => Promise<S>
  /** Calls `listener` with every later status. Gives the way to stop. */
  watch: (id: string, listener: (status: S) => void) => () => void
}>

/** Drives every session of the gateway. All methods reject with a `Refusal`. */
export type Coordinator = OfferedBunkers & {
  /** `holder`: who asks, as bounds count it. */
  reserve(body: z.output<typeof ReserveBody>, holder: string): Promise<Reservation>
  init(keyId: KeyId, body: z.output<typeof InitBody>): Promise<KeygenStatus>
  register(keyId: KeyId, body: z.output<typeof ParticipantBody>): Promise<{ receipt: RegistrationReceipt }>
  slots(keyId: KeyId): Promise<{ keyId: KeyId; skeleton: Skeleton; slots: Slot[] }>
  requestSigning(body: z.output<typeof SigningBody>): Promise<SigningProgress>
  approve(signingId: SigningId, approval: Approval): Promise<SigningProgress>
  /** Several of them, each of which is taken or refused by itself. */
  requestSignings(body: z.output<typeof SigningsBody>): Promise<SigningsTaken>
  approveSignings(body: z.output<typeof ApprovalsBody>): Promise<SigningsTaken>
  withdraw(signingId: SigningId, withdrawal: Withdrawal): Promise<SigningProgress>
  /** The same signing with its sealed items. */
  withItems(progress: SigningProgress): Promise<SigningStatus>
  openSignings(keyId: KeyId, page?: Page): Promise<SigningPage>
  key(keyId: KeyId): Promise<Certificate>
  /** The epochs that all its hosts have installed, from this one on, `MAX_CERTIFICATES` at most. */
  epochs(keyId: KeyId, epoch: number): Promise<KeyEpoch[]>
  requestRefresh(keyId: KeyId, request: RefreshRequest): Promise<RefreshStatus>
  /** The key (hex) under which readers of this key or keygen prove themselves. */
  readerKey(keyId: KeyId): Promise<string | null>
  /** The lives of the hosts of a key that can be reached; none for a key that is not made yet. */
  lives(keyId: KeyId): Promise<string[]>
  /** The open signings of a key; waits for one to appear when there are none. */
  waitSignings(keyId: KeyId, waiting: Omit<Waiting, 'after'>, page?: Page): Promise<SigningPage>
  /** Reads and follows the sessions of each kind. */
  follow: { readonly [K in keyof StatusOf]: Following<StatusOf[K]> }
  /** Takes up everything that is open. */
  start(): Promise<void>
  /** Answers who waits, saves what is under way, and stops. */
  close(): Promise<void>
}
