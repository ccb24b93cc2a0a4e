import * as z from 'zod/mini'
import { Base64url, Digest, Index, KeyId, Random32, SignKey, Time } from '../wire/ids.ts'
import { AttestedIdentity, EnclaveIdentity } from '../wire/identity.ts'
import { RegistrationReceipt, Skeleton } from '../wire/keygen.ts'
import { ManifestOffer, ManifestStatus, Notice } from '../wire/manifest.ts'
import { MAX_RECALLED, Recollection } from '../wire/recall.ts'
import { SealingClaims } from '../wire/sealing.ts'
import { ShareInForce } from '../wire/share.ts'
import { SigningRequest, Stock, Withdrawal } from '../wire/signing.ts'
import { Failure } from '../wire/status.ts'
import { bunkerMethods } from './bunker-methods.ts'
import { longMethodsOf, methodsOf } from './ceremony.ts'
import { keygen } from './keygen.ts'
import { refresh } from './refresh.ts'
import { signing } from './signing.ts'

const Empty = z.strictObject({})

/** Keys of one question that were refused while the others were not. */
const RefusedKeys = z.array(z.strictObject({ keyId: KeyId, code: Failure.shape.code })).check(z.maxLength(MAX_RECALLED))

/** What an enclave can be asked about itself: per method what goes in and what comes out. */
const enclaveMethods = {
  /**
   * Who is there. `bootId` changes with every start of the process; `locked` until `boot` has been answered. `retired`: the manifest in
   * force does not list this image, so that it takes part in nothing.
   */
  hello: {
    params: Empty,
    result: z.strictObject({
      bootId: Random32,
      locked: z.boolean(),
      retired: z.boolean(),
      identity: z.nullable(EnclaveIdentity),
      sealing: SealingClaims,
    }),
  },
  /**
   * Opens the root secret, or makes one when `sealedRoot` is null. The answer holds the one to keep from now on, when it is another
   * than the given one: a new one, or one that another image had sealed. `manifests`: those that this enclave has given notices
   * of, by ascending serial; one that it does not take counts as not given.
   */
  boot: {
    params: z.strictObject({
      sealedRoot: z.nullable(Base64url),
      manifests: z.optional(z.array(ManifestOffer).check(z.maxLength(4))),
    }),
    result: z.strictObject({ identity: EnclaveIdentity, sealedRoot: z.nullable(Base64url) }),
  },
  attest: { params: z.strictObject({ nonce: Random32 }), result: AttestedIdentity },
  /** Which images peers may be of, from `effectiveAt` on. */
  'manifest.offer': {
    params: ManifestOffer,
    result: z.strictObject({ notice: Notice, effectiveAt: Time }),
  },
  'manifest.status': { params: z.strictObject({ nonce: Random32 }), result: ManifestStatus },
} as const

/** What whoever holds a share can be asked outside of ceremonies. */
const holdingMethods = {
  /** A nonce for a peer's next document: each is good for one `introduce`. */
  challenge: { params: Empty, result: z.strictObject({ nonce: Random32 }) },
  introduce: { params: z.strictObject({ peer: AttestedIdentity, nonce: Random32 }), result: Empty },

  'keygen.init': { params: z.strictObject({ skeleton: Skeleton, sealed: Base64url }), result: Empty },
  'keygen.register': {
    params: z.strictObject({ keyId: KeyId, sealed: Base64url }),
    result: z.strictObject({ receipt: RegistrationReceipt }),
  },
  /**
   * What a host remembers of these keys, said to the host that signs with `asker`, in this life of that one. `index`: a seat of the host
   * that is asked. `refused`: of which keys it can say nothing, and why. Keys that are in neither were too much for one answer.
   */
  'recall.tell': {
    params: z.strictObject({
      asker: SignKey,
      life: Random32,
      keys: z
        .array(z.strictObject({ keyId: KeyId, lineage: Digest, index: Index }))
        .check(z.minLength(1), z.maxLength(MAX_RECALLED)),
    }),
    result: z.strictObject({ recollection: Recollection, refused: RefusedKeys }),
  },
  /**
   * What the host that signs with `from` has told this life of the enclave. `index`: a seat of the enclave. `epoch`: the one in force,
   * null if that is still open. `settled`: it needs to hear no more of this key, also of grants. `refused`: which keys it has not
   * taken, and why.
   */
  'recall.learn': {
    params: z.strictObject({
      from: SignKey,
      keys: z.array(z.strictObject({ keyId: KeyId, index: Index })).check(z.minLength(1), z.maxLength(MAX_RECALLED)),
      recollection: Recollection,
    }),
    result: z.strictObject({
      learned: z
        .array(z.strictObject({ keyId: KeyId, epoch: z.nullable(z.int().check(z.minimum(0))), settled: z.boolean() }))
        .check(z.maxLength(MAX_RECALLED)),
      refused: RefusedKeys,
    }),
  },

  /** Commitments for requests to come. `index`: a seat of this host in the key. */
  'signing.stock': {
    params: z.strictObject({ keyId: KeyId, index: Index }),
    result: z.strictObject({ stock: Stock }),
  },

  /** The asker takes back its request, whether this host knows the signing or not. `index`: a seat of this host in the key. */
  'signing.withdraw': {
    params: z.strictObject({ index: Index, request: SigningRequest, withdrawal: Withdrawal }),
    result: Empty,
  },

  /** Brings a share after a restart. `prepared`: what shows that all hosts have agreed to this version of the key. */
  'key.load': { params: ShareInForce, result: Empty },
} as const

/** What whoever holds a share can be asked. The rounds of each ceremony give its methods. */
export const partyMethods = {
  ...holdingMethods,
  ...bunkerMethods,
  ...methodsOf(keygen),
  ...methodsOf(refresh),
  ...methodsOf(signing),
} as const

/** What a seat computes for long, once for each participant of a large key. */
export const longMethods: ReadonlySet<string> = new Set([keygen, refresh, signing].flatMap(longMethodsOf))

/** Everything that a gateway can ask of an enclave. */
export const hostMethods = { ...enclaveMethods, ...partyMethods } as const

export type EnclaveMethod = keyof typeof enclaveMethods
export type PartyMethod = keyof typeof partyMethods
export type HostMethod = keyof typeof hostMethods
export type HostParams<M extends HostMethod> = z.infer<(typeof hostMethods)[M]['params']>
export type HostResult<M extends HostMethod> = z.infer<(typeof hostMethods)[M]['result']>
