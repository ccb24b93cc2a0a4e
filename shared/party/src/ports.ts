import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Tag } from '@quorate/shared/crypto/hash'
import type { Mpc } from '@quorate/shared/mpc'
import type { EnclaveIdentity, Life } from '@quorate/shared/wire/identity'
import type { Measurements } from '@quorate/shared/wire/measurements'
import type { PartyLog } from './events.ts'

/** Where a sealed share belongs. All of it is associated data: a share opens in its own place only. */
export type SharePlace = Readonly<{ keyId: string; index: number; epoch: number; certificateDigest: string }>

/** Where the secret of a bunker's signer belongs. All of it is associated data. */
export type SignerPlace = Readonly<{ lineage: string; signer: string }>

/** For which registration a host draws a key. */
export type DrawnPlace = Readonly<{ index: number; registrationDigest: string }>

/** The keys of a host, behind verbs. None of them can be asked for. */
export type HostKeys = Readonly<{
  identity: EnclaveIdentity
  /** Opens what was sealed by ECIES to E. Throws `seal.invalid`. */
  open: (sealed: Uint8Array) => Uint8Array
  /** Signs H(tag, body) under V. */
  sign: <T>(tag: Tag, body: T) => Promise<{ body: T; signature: string }>
  /** 32 bytes for a participant's own key: the same for the same registration, and of no use for anything else. The caller wipes them. */
  drawKey: (place: DrawnPlace) => Uint8Array
  sealShare: (place: SharePlace, plaintext: Uint8Array) => Uint8Array
  /** Throws `seal.invalid`. */
  openShare: (place: SharePlace, sealed: Uint8Array) => Uint8Array
  sealSigner: (place: SignerPlace, secret: Uint8Array) => Uint8Array
  /** Throws `seal.invalid`. */
  openSigner: (place: SignerPlace, sealed: Uint8Array) => Uint8Array
  /** K of this host and a peer that has been verified: HKDF(ECDH(E, E'), both identities). The caller wipes it. */
  agree: (peer: EnclaveIdentity) => Uint8Array
}>

/** Which images this host accepts in its peers, now. */
export type PeerPolicy = Readonly<{
  policy: () => TrustPolicy
  /** Is a peer with these registers one of those that the policy of now accepts? */
  accepts: (pcrs: Measurements) => boolean
  /** Of the newest manifest that has been taken, in force or coming; 0 for none. */
  serial: () => number
}>

/** Rings once, after `ms` (below 2^31), and gives what calls it off. It keeps no process alive. */
export type Alarm = (ms: number, ring: () => void) => () => void

/** Resolves after the calls that have come in meanwhile were begun. Long computations await it between their parts. */
export type GiveWay = () => Promise<void>

/** What a party stands on. What it is made of differs from host to host; what it does with it does not. */
export type PartyPorts = Readonly<{
  mpc: Mpc
  keys: HostKeys
  images: PeerPolicy
  /** What this host is, for its receipts: PCR number → SHA-384, hex. */
  measurements: Measurements
  life: Life
  /** Milliseconds since 1970. */
  clock: () => number
  alarm: Alarm
  giveWay: GiveWay
  log: PartyLog
}>
