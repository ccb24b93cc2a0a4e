import * as z from 'zod/mini'
import { longestKey, longestResult, mostParticipants } from '../schemes/table.ts'

const hex = (bytes: number) =>
  z.string().check(z.regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `${bytes} bytes as lower-case hex`))

/** Names a key and the keygen that makes it: 128 random bits, hex. Knowing it is what lets a stranger ask about a keygen. */
export const KeyId = hex(16).brand<'KeyId'>()
export type KeyId = z.infer<typeof KeyId>

/** Names a signing session: 128 random bits drawn by the asker, hex. */
export const SigningId = hex(16).brand<'SigningId'>()
export type SigningId = z.infer<typeof SigningId>

/** Names a refresh: 128 random bits drawn by the asker, hex. */
export const RefreshId = hex(16).brand<'RefreshId'>()
export type RefreshId = z.infer<typeof RefreshId>

/** Names a grant that the owner of a share gives after the registration: 64 random bits drawn by the owner, hex. */
export const GrantId = hex(8).brand<'GrantId'>()
export type GrantId = z.infer<typeof GrantId>

/** A tagged SHA-256 digest, hex. */
export const Digest = hex(32).brand<'Digest'>()
export type Digest = z.infer<typeof Digest>

/** 32 bytes that nobody knew before, hex: nonces of askers, secrets, symmetric keys. */
export const Random32 = hex(32)

/** A list that holds one entry of each participant at most. */
export const oneEach = <T extends z.ZodMiniType>(entry: T) => z.array(entry).check(z.maxLength(mostParticipants))

/** Names of the lives of hosts, as whoever carries this says they are now. A word that names one was said after it had begun. */
export const LifeIds = oneEach(Random32)

/** Ed25519 public key and signature (RFC 8032), hex. */
export const SignKey = hex(32).brand<'SignKey'>()
export type SignKey = z.infer<typeof SignKey>
export const Signature = hex(64)

const hexUpTo = (bytes: number) =>
  z.string().check(z.maxLength(bytes * 2), z.regex(/^([0-9a-f]{2})+$/, 'bytes as lower-case hex'))

/** A key's public half in the form of its scheme, hex. Who knows the scheme checks the length (`shared/src/schemes`). */
export const GroupKey = hexUpTo(longestKey)

/** What a key has signed, in the form of its scheme, hex. Who knows the scheme checks the length. */
export const KeySignature = hexUpTo(longestResult)

/** Compressed secp256k1 point (SEC 1 §2.3.3), hex: what one seals to. */
export const SealKey = z
  .string()
  .check(z.regex(/^0[23][0-9a-f]{64}$/, 'a compressed secp256k1 point as lower-case hex'))
  .brand<'SealKey'>()
export type SealKey = z.infer<typeof SealKey>

/** Compressed secp256k1 point (SEC 1 §2.3.3), hex: a participant's own public key. */
export const CompressedKey = z
  .string()
  .check(z.regex(/^0[23][0-9a-f]{64}$/, 'a compressed secp256k1 point as lower-case hex'))

/** A sealed blob or document: unpadded base64url. */
export const Base64url = z.string().check(
  z.regex(/^[A-Za-z0-9_-]*$/, 'unpadded base64url'),
  z.refine((text) => text.length % 4 !== 1, 'unpadded base64url'),
  z.meta({ pattern: '^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$', description: 'unpadded base64url (RFC 4648 §5)' }),
)

export const EnclaveId = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes, at most 32'))
  .brand<'EnclaveId'>()
export type EnclaveId = z.infer<typeof EnclaveId>

/** What people call something. One spelling per name (Unicode's NFKC). */
const name = () =>
  z.string().check(
    z.minLength(1),
    z.maxLength(64),
    z.regex(/^[\p{L}\p{N}._@:+-]+$/u, 'letters, digits and . _ @ : + -'),
    z.refine((text) => text === text.normalize('NFKC'), 'in normal form (NFKC)'),
    z.meta({ description: 'in the normal form NFKC (Unicode Annex 15): any other spelling is refused' }),
  )

/** What people call a participant. The gateway sees it, so a pseudonym will do. */
export const UserId = name()
export type UserId = z.infer<typeof UserId>

/** What people call a sub-group of a key. The gateway sees it. */
export const SubgroupId = name()
export type SubgroupId = z.infer<typeof SubgroupId>

/** Participant index, 1…n: FROST's identifier (RFC 9591 §4.2). */
export const Index = z.int().check(z.minimum(1), z.maximum(255))

/** Milliseconds since 1970-01-01T00:00:00Z. */
export const Time = z.int().check(z.minimum(0), z.maximum(8_640_000_000_000_000))
