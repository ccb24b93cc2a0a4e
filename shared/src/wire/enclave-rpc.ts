import { z } from 'zod'
import { Base64url, Digest, Index, KeyId, Random32, RefreshId, Signature, SigningId, Time } from './ids.ts'
import { AttestedIdentity, EnclaveIdentity } from './identity.ts'
import { Certificate, CertificateBody, RegistrationReceipt, Roster, RoundOne, RoundTwo, Skeleton } from './keygen.ts'
import { SealingClaims } from './sealing.ts'
import { Installed, Prepared, RefreshRequest } from './refresh.ts'
import { ManifestOffer, ManifestStatus, Notice } from './manifest.ts'
import { Recollection } from './recall.ts'
import {
  Approval,
  Commitment,
  ItemResult,
  MAX_ITEMS,
  Partial,
  SealedItems,
  SigningReceipt,
  SigningRequest,
} from './signing.ts'

const Empty = z.strictObject({})
const attempt = z.int().min(1).max(1_000)
const ofKeygen = { keyId: KeyId, index: Index, attempt }
const ofRefresh = { refreshId: RefreshId, index: Index, attempt }
const ofSigning = { signingId: SigningId, attempt, index: Index }
const itemResults = z.array(ItemResult).min(1).max(MAX_ITEMS)

const roundOne = z.strictObject({ message: RoundOne })
const roundOnes = z.array(RoundOne).min(2).max(32)
const roundTwo = z.strictObject({ packages: z.array(RoundTwo).max(31) })
const roundTwos = z.array(RoundTwo).min(1).max(31)
const certified = z.strictObject({ certificate: CertificateBody, signature: Signature, sealedShare: Base64url })
/** A complete certificate with the sealed share of one participant. */
const shareOf = z.strictObject({ certificate: Certificate, index: Index, sealedShare: Base64url })

/** Everything that a gateway can ask of an enclave: per method what goes in and what comes out. */
export const enclaveMethods = {
  /** Who is there. `bootId` changes with every start of the process; `locked` until `boot` has been answered. */
  hello: {
    params: Empty,
    result: z.strictObject({
      bootId: Random32,
      locked: z.boolean(),
      identity: EnclaveIdentity.nullable(),
      sealing: SealingClaims,
    }),
  },
  /**
   * Opens the root secret, or makes one when `sealedRoot` is null. The answer holds the one to keep from now on, when it is another
   * than the given one: a new one, or one that another image had sealed. `manifests`: those that this enclave has given notices
   * of, by ascending serial; one that it does not take counts as not given.
   */
  boot: {
    params: z.strictObject({ sealedRoot: Base64url.nullable(), manifests: z.array(ManifestOffer).max(4).optional() }),
    result: z.strictObject({ identity: EnclaveIdentity, sealedRoot: Base64url.nullable() }),
  },
  attest: { params: z.strictObject({ nonce: Random32 }), result: AttestedIdentity },
  /** A nonce for a peer's next document: each is good for one `introduce`. */
  challenge: { params: Empty, result: z.strictObject({ nonce: Random32 }) },
  introduce: { params: z.strictObject({ peer: AttestedIdentity, nonce: Random32 }), result: Empty },

  /** Which images peers may be of, from `effectiveAt` on. */
  'manifest.offer': {
    params: ManifestOffer,
    result: z.strictObject({ notice: Notice, effectiveAt: Time }),
  },
  'manifest.status': { params: z.strictObject({ nonce: Random32 }), result: ManifestStatus },

  'keygen.init': { params: z.strictObject({ skeleton: Skeleton, sealed: Base64url }), result: Empty },
  'keygen.register': {
    params: z.strictObject({ keyId: KeyId, sealed: Base64url }),
    result: z.strictObject({ receipt: RegistrationReceipt }),
  },
  'keygen.round1': {
    params: z.strictObject({ ...ofKeygen, roster: Roster }),
    result: roundOne,
  },
  'keygen.round2': { params: z.strictObject({ ...ofKeygen, messages: roundOnes }), result: roundTwo },
  'keygen.round3': { params: z.strictObject({ ...ofKeygen, packages: roundTwos }), result: certified },

  /** New shares of a key whose share, of the epoch that the request names, is open here. */
  'refresh.round1': { params: z.strictObject({ index: Index, attempt, request: RefreshRequest }), result: roundOne },
  'refresh.round2': { params: z.strictObject({ ...ofRefresh, messages: roundOnes }), result: roundTwo },
  'refresh.round3': { params: z.strictObject({ ...ofRefresh, packages: roundTwos }), result: certified },
  /** Hands out the complete certificate of the next epoch. The host goes on signing at the current one. */
  'refresh.prepare': { params: shareOf, result: z.strictObject({ prepared: Prepared }) },
  /** Shows that all hosts have prepared it. From then on the host signs at the new epoch only. */
  'refresh.install': {
    params: shareOf.extend({ prepared: z.array(Prepared).min(2).max(32) }),
    result: z.strictObject({ installed: Installed }),
  },

  /** What this enclave remembers of a key, said to another host of it whose `bootId` is `life`. */
  'recall.tell': {
    params: z.strictObject({ keyId: KeyId, life: Random32 }),
    result: z.strictObject({ recollection: Recollection }),
  },
  /** What participant `from`'s host has told this life of the enclave. `epoch`: the one in force, null if that is still open. */
  'recall.learn': {
    params: z.strictObject({ keyId: KeyId, index: Index, from: Index, recollection: Recollection }),
    result: z.strictObject({ epoch: z.int().min(0).nullable() }),
  },

  'key.load': { params: shareOf, result: Empty },
  'sign.commit': {
    params: z.strictObject({
      attempt,
      index: Index,
      request: SigningRequest,
      sealedItems: SealedItems,
      approvals: z.array(Approval).max(32),
    }),
    result: z.strictObject({ commitment: Commitment }),
  },
  'sign.partial': {
    params: z.strictObject({
      ...ofSigning,
      approvals: z.array(Approval).max(32),
      commitments: z.array(Commitment).min(2).max(32),
    }),
    result: z.strictObject({ partial: Partial }),
  },
  /** Asked of one host of the quorum, which has answered `sign.partial` for the same package. */
  'sign.aggregate': {
    params: z.strictObject({ ...ofSigning, partials: z.array(Partial).min(2).max(32) }),
    result: z.strictObject({ results: itemResults, resultDigest: Digest }),
  },
  'sign.confirm': {
    params: z.strictObject({ ...ofSigning, results: itemResults }),
    result: z.strictObject({ receipt: SigningReceipt }),
  },
} as const

export type EnclaveMethod = keyof typeof enclaveMethods
export type EnclaveParams<M extends EnclaveMethod> = z.infer<(typeof enclaveMethods)[M]['params']>
export type EnclaveResult<M extends EnclaveMethod> = z.infer<(typeof enclaveMethods)[M]['result']>

/** The bodies of frames. A refusal carries a code and culprits, never text. */
export const RequestBodyFrame = z.tuple([z.string().max(64), z.unknown()])
export const ReplyBodyFrame = z.union([
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ refusal: z.strictObject({ code: z.string().max(64), culprits: z.array(Index).max(32) }) }),
])
