import type { Secp256k1 } from '@quorate/shared/mpc'
import { encode } from '@quorate/shared/crypto/cbor'
import { sealTo } from '@quorate/shared/crypto/ecies'
import { fromHex, toBase64url } from '@quorate/shared/wire/bytes'
import { Init, type Skeleton } from '@quorate/shared/wire/keygen'
import type { RouteBody } from '@quorate/shared/wire/routes/table'
import { hostsOf, skeletonDigest } from './skeleton.ts'

/** For each enclave of the skeleton, sealed to the key that it proved: S and the invitation keys of the people it hosts. */
export function sealInits(
  curve: Secp256k1,
  skeleton: Skeleton,
  sessionSecret: Uint8Array,
  invitationKeys: ReadonlyMap<string, Uint8Array>,
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
    })
    const plaintext = encode(init)
    const blob = toBase64url(sealTo(curve, fromHex(sealKey), plaintext))
    plaintext.fill(0)
    return { enclaveId, sealed: blob }
  })
  return { skeleton, sealed }
}
