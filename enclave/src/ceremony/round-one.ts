import { Refusal } from '@quorate/shared/errors'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { Commitment, ItemCommitment } from '@quorate/shared/wire/signing'
import type { OpenKey } from '../vault/shares.ts'
import { keepNonces } from './nonces.ts'
import { orRefuse } from './refuse-mpc.ts'
import type { Signing, SigningPorts } from './seat.ts'

/** In place of the nonces of an item that this host does not sign. */
const none = new Uint8Array(0)

/** Round one. The same attempt gets the same commitment; a newer one gets fresh nonces, and the old ones are destroyed. */
export async function takeSeat(
  ports: SigningPorts,
  signing: Signing,
  key: OpenKey,
  attempt: number,
): Promise<Commitment> {
  const { index } = key
  const { signingId } = signing.request
  const seat = signing.seats.get(index)
  if (seat?.attempt === attempt) return seat.commitment
  if (seat !== undefined && seat.attempt > attempt) throw new Refusal('nonce.spent')

  const frost = ports.mpc.frost(key.certificate.roster.skeleton.scheme)
  const draw = () => orRefuse('enclave.failed', () => frost.commit({ share: key.share }))
  const words = signing.tasks.map((task) => ('code' in task ? task : draw()))
  const commitments = words.map((word): ItemCommitment =>
    'code' in word ? { code: word.code } : { commitment: toBase64url(word.commitments) },
  )
  const body = {
    signingId,
    requestDigest: signing.requestDigest,
    attempt,
    index,
    commitments,
  }
  const nonces = keepNonces(words.map((word) => ('code' in word ? none : word.nonces)))
  const commitment = await ports.vault.sign('commitment', body)

  const now = signing.seats.get(index)
  if (now !== seat) {
    nonces.destroy()
    if (now?.attempt === attempt) return now.commitment
    throw new Refusal('nonce.spent')
  }
  seat?.nonces.destroy()
  signing.seats.set(index, { attempt, commitment, nonces, spent: null })
  for (const word of commitments) {
    if ('code' in word) continue
    ports.log({ event: 'nonce.committed', signingId, index, attempt, commitment: word.commitment })
  }
  return commitment
}
