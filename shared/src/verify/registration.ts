import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { taggedHash } from '../crypto/hash.ts'
import { verifyEd25519 } from '../crypto/sign.ts'
import { fromHex } from '../wire/bytes.ts'
import type { Registration, RegistrationBody } from '../wire/keygen.ts'

/** HMAC-SHA-256 under the invitation key over H(register, body). 32 bytes. */
export const registrationMac = (invitationKey: Uint8Array, body: RegistrationBody): Uint8Array =>
  hmac(sha256, invitationKey, taggedHash('register', body))

/** Does the registration prove the invitation and the possession of its authorisation key? */
export async function verifyRegistrationProof(
  invitationKey: Uint8Array,
  { body, mac, signature }: Registration,
): Promise<boolean> {
  const expected = registrationMac(invitationKey, body)
  const given = fromHex(mac)
  let difference = 0
  for (const [at, byte] of expected.entries()) difference |= byte ^ (given[at] ?? 256)
  return (
    difference === 0 && (await verifyEd25519(fromHex(body.authKey), taggedHash('register', body), fromHex(signature)))
  )
}
