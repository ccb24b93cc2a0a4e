import { QuorateError, refuse } from '../errors.ts'
import type { Person } from '../person.ts'
import { publicKeyOf, sendOwn } from './join.ts'
import { Keygen } from './keygen.ts'
import { skeletonDigest } from './skeleton.ts'
import type { Bringing } from './taking-part.ts'
import { readToken } from './token.ts'

type Resuming = Bringing & Readonly<{ signal?: AbortSignal | undefined }>

/**
 * Goes on with a key in the making where an earlier run has stopped: registers what that run was about to register, unless the gateway says that it is
 * registered. What it says is found out when the key is there.
 */
export async function resumeOwn(me: Person, text: string, { ownKey, signal }: Resuming): Promise<Keygen> {
  const { context, userId, signer } = me
  const { joining, ...known } = readToken(userId, text)
  const { skeleton, sessionSecret } = known
  const { keyId } = skeleton
  context.known.noteFrame(keyId, skeletonDigest(skeleton))
  if (joining === null) return new Keygen(context, { ...known, own: null })
  const { own, invitationKey } = joining
  const { publicKey } = await signer.forKey(keyId)
  if (own.authKey !== publicKey) return refuse('participant.unknown')
  const keygen = new Keygen(context, { ...known, own })
  const reader = await context.readerOf(keyId, sessionSecret)
  const { state, slots } = await reader('getKeygen', { params: { keyId }, signal })
  if (state !== 'collecting_participants' || slots[own.index - 1]?.registered === true) return keygen
  if (own.publicKey !== null) {
    const { secp256k1 } = await context.mpc()
    const brought = ownKey === undefined ? null : publicKeyOf(secp256k1, skeleton, ownKey)
    if (brought !== own.publicKey) throw notBrought(own.publicKey)
  }
  await sendOwn(context, skeleton, own, { signer, invitationKey, ownKey: ownKey ?? null, signal })
  return keygen
}

const notBrought = (publicKey: string): QuorateError =>
  new QuorateError('secret.invalid', 'client', {
    issues: [`ownKey: that of ${publicKey} has not arrived, bring it again`],
  })
