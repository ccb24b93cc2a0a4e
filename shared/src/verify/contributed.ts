import { equalBytes } from '@noble/ciphers/utils.js'
import type { Mpc } from '../../mpc/src/index.ts'
import { digestOf } from '../crypto/sign.ts'
import { makeOf } from '../schemes/cryptography.ts'
import { orFalse } from '../schemes/or-false.ts'
import type { Frame } from '../schemes/scheme.ts'
import { makesBy } from '../schemes/table.ts'
import { fromBase64url, fromHex } from '../wire/bytes.ts'
import type { CertificateBody } from '../wire/certificate.ts'
import type { RegistrationReceipt, Roster, Skeleton } from '../wire/keygen.ts'

/** What participants contribute to, as the scheme takes it: a key of theirs is proved for this skeleton alone. */
export const frameOfContributions = (skeleton: Skeleton): Frame => ({
  participants: skeleton.participants.length,
  threshold: skeleton.threshold,
  session: fromHex(digestOf('skeleton', skeleton)),
  sorted: skeleton.keyOrder === undefined,
})

/** The public keys of what the receipts of a verified roster say. Throws `MpcError` with all whose proof does not hold, or who have one key. */
export function joinContributed(mpc: Mpc, { skeleton, registrations }: Roster): Uint8Array {
  const { join } = makeOf(mpc, skeleton.scheme, 'contribute')
  const all = registrations.flatMap(({ body: { index, contributed } }) =>
    contributed === undefined
      ? []
      : [[index, { publicKey: fromHex(contributed.publicKey), proof: fromHex(contributed.proof) }] as const],
  )
  return join(frameOfContributions(skeleton), new Map(all))
}

/** Is a key to which each participant contributes one made of those that the receipts name, each of which is proved? */
export function keepsWhatWasContributed(mpc: Mpc, { roster, publicKeys }: CertificateBody): boolean {
  if (!makesBy(roster.skeleton.scheme, 'contribute')) return true
  return orFalse(() => equalBytes(joinContributed(mpc, roster), fromBase64url(publicKeys)))
}

type ReceiptBody = RegistrationReceipt['body']

/** The same registration. A host that has restarted proves the same key anew. */
export const sameRegistration = (one: ReceiptBody, other: ReceiptBody): boolean =>
  digestOf('registration-receipt', proofless(one)) === digestOf('registration-receipt', proofless(other))

function proofless({ contributed, ...rest }: ReceiptBody) {
  return contributed === undefined ? rest : { ...rest, publicKey: contributed.publicKey }
}
