import { decode, encode } from '@quorate/shared/crypto/cbor'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { Base64url } from '@quorate/shared/wire/ids'
import { Invitation } from '@quorate/shared/wire/keygen'
import * as z from 'zod/mini'
import { refuse } from '../errors.ts'

const prefix = 'quorate:join#'

const bytes = z.pipe(
  z.instanceof(Uint8Array),
  z.transform((read) => toHex(read)),
)

/** An invitation inside a link: in this order, with bytes for what else is hex. Null where there is nothing. */
const Packed = z.tuple([
  z.literal(2),
  z.string(),
  bytes,
  z.string(),
  bytes,
  bytes,
  bytes,
  z.nullable(bytes),
  z.nullable(z.string()),
])

/** The invitation as a link, also for a QR code. It holds secrets: hand it to the invited person alone. */
export function encodeInvitation(invitation: Invitation): string {
  const { gateway, keyId, userId, skeletonDigest, sessionSecret, invitationKey, trust, dealtBy } = invitation
  const secrets = [fromHex(sessionSecret), fromHex(invitationKey)]
  const packed = [2, gateway, fromHex(keyId), userId, fromHex(skeletonDigest), ...secrets]
  return prefix + toBase64url(encode([...packed, trust === undefined ? null : fromHex(trust), dealtBy ?? null]))
}

/** Inverse of `encodeInvitation`; it reads links of earlier releases too. Throws `invitation.invalid`. */
export function decodeInvitation(link: string): Invitation {
  const text = Base64url.safeParse(link.trim().replace(prefix, ''))
  if (!link.trim().startsWith(prefix) || !text.success) return refuse('invitation.invalid')
  try {
    const read = decode(fromBase64url(text.data))
    return Invitation.parse(Array.isArray(read) ? unpack(read) : read)
  } catch {
    return refuse('invitation.invalid')
  }
}

function unpack(read: unknown[]) {
  const [, gateway, keyId, userId, skeletonDigest, sessionSecret, invitationKey, trust, dealtBy] = Packed.parse(read)
  const all = { version: 1, gateway, keyId, userId, skeletonDigest, sessionSecret, invitationKey }
  return { ...all, ...(trust === null ? {} : { trust }), ...(dealtBy === null ? {} : { dealtBy }) }
}
