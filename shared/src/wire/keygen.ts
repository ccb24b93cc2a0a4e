import * as z from 'zod/mini'
import { ContentTypes, signsContent } from '../contents/table.ts'
import {
  factsOf,
  fitsScheme,
  frameForms,
  longestShare,
  makesBy,
  misfit,
  mostParticipants,
  SchemeName,
} from '../schemes/table.ts'
import { Grant } from './consent.ts'
import { GatewayAddress } from './gateway-address.ts'
import {
  Base64url,
  CompressedKey,
  Digest,
  EnclaveId,
  GroupKey,
  Index,
  KeyId,
  Random32,
  Signature,
  SignKey,
  Time,
  UserId,
} from './ids.ts'
import { Host } from './host.ts'
import { signed } from './signed.ts'
import { Subgroups } from './subgroups.ts'

/** What the key may sign at all. Nothing that is not named here. */
export const Policy = z.strictObject({ content: ContentTypes })
export type Policy = z.infer<typeof Policy>

const Participant = z.strictObject({ userId: UserId, index: Index, host: Host })

/**
 * How a key that somebody had whole came into shares. `by`: who reserved the key, by its own word, and so has known all of it. `publicKeys`:
 * H(dealt, what the certificate of epoch 0 holds under this name), which fixes the polynomial.
 */
export const Dealt = z.strictObject({ by: UserId, groupKey: GroupKey, publicKeys: Digest })
export type Dealt = z.infer<typeof Dealt>

/** The fixed frame of a key, drawn up by the reserving client. D0 = H(skeleton, this). Participant k stands at k−1 with index k. */
export const Skeleton = z
  .strictObject({
    version: z.literal(1),
    keyId: KeyId,
    scheme: SchemeName,
    threshold: z.int().check(z.minimum(1), z.maximum(mostParticipants)),
    participants: z.array(Participant).check(z.minLength(1), z.maxLength(mostParticipants)),
    policy: Policy,
    /** Stands here when one host may hold a quorum of the shares. Without it, no host begins with so many. */
    spread: z.optional(z.literal('quorum_in_one_host')),
    /** Stands here when the key was dealt. Without it, the hosts draw the key together. */
    dealt: z.optional(Dealt),
    /**
     * Stands here when a key to which each participant contributes one is aggregated in the order of indices. Without it the keys are sorted
     * (BIP-327's KeySort).
     */
    keyOrder: z.optional(z.literal('indices')),
    /** Stands here when some of the participants sign under keys of their own. The certificate has those keys. */
    subgroups: z.optional(Subgroups),
    /**
     * The mode of items for which nobody names one, sealed under the session secret. Without it that is the key itself. Whoever asks writes it into
     * the items; hosts see that it can be read, and go by what the items say.
     */
    sealedMode: z.optional(Base64url.check(z.maxLength(256))),
    /** Public half of the key derived from the session secret with which invited people prove that they may read. */
    readerKey: SignKey,
    expiresAt: Time,
  })
  .check(
    z.refine(fitsScheme, misfit),
    z.refine(
      (s) => s.participants.every((p, at) => p.index === at + 1),
      'participants stand in the order of their indices, 1…n',
    ),
    z.refine(
      (s) => new Set(s.participants.map((p) => p.userId)).size === s.participants.length,
      'a user appears twice',
    ),
    z.refine(
      (s) => s.policy.content.every((type) => signsContent(factsOf(s.scheme), type)),
      'keys of this scheme do not sign all content of the policy',
    ),
    z.refine(
      ({ dealt, scheme }) => dealt === undefined || dealt.groupKey.length === 2 * factsOf(scheme).keyLength,
      'the dealt key does not have the length of its scheme',
    ),
    z.refine(
      ({ dealt, scheme }) => dealt === undefined || makesBy(scheme, 'deal'),
      'keys of this scheme are not dealt',
    ),
    z.refine(
      ({ keyOrder, scheme }) => keyOrder === undefined || makesBy(scheme, 'contribute'),
      'keys of this scheme have no order',
    ),
    z.refine(
      ({ subgroups, scheme }) => subgroups === undefined || factsOf(scheme).subgroups,
      'keys of this scheme have no sub-groups',
    ),
    z.refine(
      ({ subgroups = [], participants }) =>
        subgroups.every(({ members }) => (members.at(-1) ?? 0) <= participants.length),
      'a member of a sub-group is no participant',
    ),
    z.refine(
      ({ sealedMode, scheme }) => sealedMode === undefined || factsOf(scheme).tweaks,
      'keys of this scheme have no modes',
    ),
    z.meta({
      description:
        'Participants stand in the order of their indices, 1…n, and each userId once. The scheme must sign all content of the policy.',
      anyOf: frameForms,
    }),
  )
export type Skeleton = z.infer<typeof Skeleton>

/** Secret bytes inside a sealed message: bytes and not text, so that they can be wiped. */
const Secret32 = z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 32, '32 bytes')

/** A share in the form of its scheme, as bytes, so that it can be wiped. */
const SecretShare = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length > 0 && value.length <= longestShare,
  'a share',
)

/** What a dealer made for one enclave. The public keys are the same for all; the shares are those of the participants that it hosts. */
const DealtToHost = z.strictObject({
  publicKeys: Base64url,
  shares: z.array(z.strictObject({ index: Index, share: SecretShare })).check(z.maxLength(mostParticipants)),
})

/** Sealed to each enclave by the reserving client. */
export const Init = z.strictObject({
  purpose: z.literal('init'),
  skeletonDigest: Digest,
  sessionSecret: Secret32,
  /** Invitation keys of the participants that this enclave hosts. */
  invitationKeys: z.array(z.strictObject({ index: Index, key: Secret32 })).check(z.maxLength(mostParticipants)),
  /** For a key that is dealt. */
  dealt: z.optional(DealtToHost),
})
export type Init = z.infer<typeof Init>

/** Handed over out of band: everything that an invited person needs, and that the gateway must not see. */
export interface Invitation {
  version: 1
  gateway: string
  keyId: KeyId
  userId: string
  skeletonDigest: Digest
  sessionSecret: string
  invitationKey: string
  /** For a key that is dealt: who dealt it. The skeleton says the same. */
  dealtBy?: string | undefined
  /** H(trust, whom the inviting person takes for an enclave). It is no proof of anything, and names the trust file that is to be looked for. */
  trust?: Digest | undefined
}
export const Invitation = z.toZod<Invitation>()(
  z.strictObject({
    version: z.literal(1),
    gateway: GatewayAddress,
    keyId: KeyId,
    userId: UserId,
    skeletonDigest: Digest,
    sessionSecret: Random32,
    invitationKey: Random32,
    dealtBy: z.optional(UserId),
    trust: z.optional(Digest),
  }),
)

/**
 * What a participant brings into the key. `none`: nothing but what its host draws. `dealt`: the share that the dealer sealed to its host,
 * as one of these public keys: so its owner knows that the key was dealt. `key`: its own secret key, of a scheme to which each contributes one.
 */
export const Contribution = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('dealt'), publicKeys: Digest }),
  z.strictObject({ kind: z.literal('key'), secretKey: Secret32 }),
])
export type Contribution = z.infer<typeof Contribution>

/** What whoever takes part in such a key registers. `secretKey`: its own, for a key to which it contributes one. */
export function contributionTo({ dealt }: Pick<Skeleton, 'dealt'>, secretKey: Uint8Array | null = null): Contribution {
  if (dealt !== undefined) return { kind: 'dealt', publicKeys: dealt.publicKeys }
  return secretKey === null ? { kind: 'none' } : { kind: 'key', secretKey }
}

export const RegistrationBody = z.strictObject({
  skeletonDigest: Digest,
  userId: UserId,
  index: Index,
  authKey: SignKey,
  /** The owner's standing word; null: the owner is asked each time. Only this grant is ever in force. */
  grant: z.nullable(Grant),
  contribution: Contribution,
})
export type RegistrationBody = z.infer<typeof RegistrationBody>

/** Sealed to the participant's host. `mac` proves the invitation, `signature` the possession of the authorisation key. */
export const Registration = z.strictObject({
  purpose: z.literal('register'),
  body: RegistrationBody,
  /** HMAC-SHA-256 under the invitation key over H(register, body). */
  mac: Random32,
  /** Ed25519 by `authKey` over H(register, body). */
  signature: Signature,
})
export type Registration = z.infer<typeof Registration>

/** The public key that a participant contributes, and BIP-340's signature by its secret over D0, the size of the key, the index and itself. */
export const Contributed = z.strictObject({ publicKey: CompressedKey, proof: Signature })
export type Contributed = z.infer<typeof Contributed>

/** What the host accepted, signed by its V: public, so that every other enclave and participant can check it. */
export const RegistrationReceipt = signed(
  z.strictObject({
    skeletonDigest: Digest,
    userId: UserId,
    index: Index,
    authKey: SignKey,
    grant: z.nullable(Grant),
    /** For a key to which each participant contributes one. */
    contributed: z.optional(Contributed),
  }),
)
export type RegistrationReceipt = z.infer<typeof RegistrationReceipt>

/** Skeleton and every participant's receipt, in the order of indices. D = H(roster, this). */
export interface Roster {
  skeleton: Skeleton
  registrations: RegistrationReceipt[]
}
export const Roster = z.toZod<Roster>()(
  z.strictObject({
    skeleton: Skeleton,
    registrations: z.array(RegistrationReceipt).check(z.minLength(1), z.maxLength(mostParticipants)),
  }),
)

/** `ceremony`: what it is about, which is D for a keygen and the digest of the request for a refresh. */
const round = { keyId: KeyId, ceremony: Digest, attempt: z.int().check(z.minimum(1), z.maximum(1_000)), from: Index }

/** Round one of a DKG (RFC 9591 appendix C is a dealer; this is Pedersen with proofs of possession) or of a refresh: broadcast, signed by V. */
export const RoundOne = signed(z.strictObject({ ...round, package: Base64url }))
export type RoundOne = z.infer<typeof RoundOne>

/**
 * Round two: for one participant only, sealed host to host, and signed by V, so that what does not open is its sender's doing.
 * `transcript`: H(transcript, all round-one messages that its sender was shown).
 */
export const RoundTwo = signed(z.strictObject({ ...round, to: Index, transcript: Digest, sealed: Base64url }))
export type RoundTwo = z.infer<typeof RoundTwo>

export const KeygenState = z.enum([
  'reserved',
  'collecting_participants',
  'key_generation',
  'completed',
  'failed',
  'expired',
])
export type KeygenState = z.infer<typeof KeygenState>

export const Slot = z.strictObject({ userId: UserId, index: Index, enclaveId: EnclaveId, registered: z.boolean() })
export type Slot = z.infer<typeof Slot>
