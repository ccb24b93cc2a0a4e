import { decode, encode } from '@quorate/shared/crypto/cbor'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import { Base64url } from '@quorate/shared/wire/ids'
import { Invitation } from '@quorate/shared/wire/keygen'
import { refuse } from '../errors.ts'

const prefix = 'quorate:join#'

/** The invitation as a link, also for a QR code. It holds secrets: hand it to the invited person alone. */
export const encodeInvitation = (invitation: Invitation): string => prefix + toBase64url(encode(invitation))

/** Inverse of `encodeInvitation`. Throws `invitation.invalid`. */
export function decodeInvitation(link: string): Invitation {
  const text = Base64url.safeParse(link.trim().replace(prefix, ''))
  if (!link.trim().startsWith(prefix) || !text.success) return refuse('invitation.invalid')
  try {
    return Invitation.parse(decode(fromBase64url(text.data)))
  } catch {
    return refuse('invitation.invalid')
  }
}
