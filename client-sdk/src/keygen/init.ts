import type { Secp256k1 } from '@quorate/shared/mpc'
import { encode } from '@quorate/shared/crypto/cbor'
import { sealTo } from '@quorate/shared/crypto/ecies'
import { fromHex, toBase64url } from '@quorate/shared/wire/bytes'
import { Init, type Skeleton } from '@quorate/shared/wire/keygen'
import type { RouteBody } from '@quorate/shared/wire/routes/table'
import type { DealtKey } from '@quorate/shared/schemes/scheme'
import { hostsOf, skeletonDigest } from './skeleton.ts'

/** What enclaves get beside the skeleton: S, invitation keys by user id, and for a key that is dealt its shares. */
export type InitSecrets = Readonly<{
  sessionSecret: Uint8Array
  invitationKeys: ReadonlyMap<string, Uint8Array>
  dealt: DealtKey | null
}>

/**
 * For each enclave of the skeleton, sealed to the key that it proved: S, and of the people it hosts the invitation keys and, of a dealt
 * key, the shares.
 */
export function sealInits(
  curve: Secp256k1,
  skeleton: Skeleton,
  { sessionSecret, invitationKeys, dealt }: InitSecrets,
): RouteBody<'initKeygen'> {
  const sealed = hostsOf(skeleton).map(({ enclaveId, sealKey }) => {
    const hosted = skeleton.participants.filter(({ host }) => host.identity.enclaveId === enclaveId)
    const init = Init.parse({
      purpose: 'init',
      skeletonDigest: skeletonDigest(skeleton),
      sessionSecret,
      invitationKeys: hosted.map(({ userId, index }) => ({
        index,
        key: invitationKeys.get(userId) ?? new Uint8Array(),
      })),
      ...(dealt === null ? {} : { dealt: dealtTo(hosted, dealt) }),
    })
    const plaintext = encode(init)
    const blob = toBase64url(sealTo(curve, fromHex(sealKey), plaintext))
    plaintext.fill(0)
    return { enclaveId, sealed: blob }
  })
  return { skeleton, sealed }
}

const dealtTo = (hosted: Skeleton['participants'], { shares, publicKeys }: DealtKey) => ({
  publicKeys: toBase64url(publicKeys),
  shares: hosted.map(({ index }) => ({ index, share: shares.get(index) ?? new Uint8Array() })),
})
