import { Refusal } from '@quorate/shared/errors'
import { openSealed } from '@quorate/shared/crypto/ecies'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { createSigner, signBody } from '@quorate/shared/crypto/sign'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { HostKeys, SharePlace, SignerPlace } from './ports.ts'
import type { Mpc } from '@quorate/shared/mpc'

const inPlace = ({ keyId, index, epoch, certificateDigest }: SharePlace) => [
  'share',
  1,
  keyId,
  index,
  epoch,
  certificateDigest,
]

const ofSigner = ({ lineage, signer }: SignerPlace) => ['signer', 1, lineage, signer]

/** The keys that come from a root secret (32 bytes), which stays in them. */
export async function deriveHostKeys(mpc: Mpc, enclaveId: string, root: Uint8Array): Promise<HostKeys> {
  const secret = deriveKey(root, 'seal-key')
  const seed = deriveKey(root, 'sign-key')
  const signer = await createSigner(seed)
  seed.fill(0)
  const identity = EnclaveIdentity.parse({
    version: 1,
    enclaveId,
    epoch: 1,
    sealKey: toHex(mpc.secp256k1.publicKey(secret)),
    signKey: toHex(signer.publicKey),
  })

  function withKey<T>(label: string, context: readonly (string | number)[], use: (key: Uint8Array) => T): T {
    const key = deriveKey(root, label, ...context)
    try {
      return use(key)
    } finally {
      key.fill(0)
    }
  }

  const withShareKey = <T>({ keyId, epoch }: SharePlace, use: (key: Uint8Array) => T): T =>
    withKey('share', [keyId, epoch], use)
  const withSignerKey = <T>({ lineage }: SignerPlace, use: (key: Uint8Array) => T): T =>
    withKey('signer', [lineage], use)

  return {
    identity,
    open: (sealed) => openSealed(mpc.secp256k1, secret, sealed),
    sign: (tag, body) => signBody(signer, tag, body),
    drawKey: ({ index, registrationDigest }) => deriveKey(root, 'contribution', registrationDigest, index),
    sealShare: (place, plaintext) => withShareKey(place, (key) => sealWith(key, inPlace(place), plaintext)),
    openShare: (place, sealed) => withShareKey(place, (key) => openWith(key, inPlace(place), sealed)),
    sealSigner: (place, secret) => withSignerKey(place, (key) => sealWith(key, ofSigner(place), secret)),
    openSigner: (place, sealed) => withSignerKey(place, (key) => openWith(key, ofSigner(place), sealed)),
    agree: (peer) => agree(mpc, secret, identity, peer),
  }
}

function agree(mpc: Mpc, secret: Uint8Array, own: EnclaveIdentity, peer: EnclaveIdentity): Uint8Array {
  const point = mpc.secp256k1.sharedPoint(secret, fromHex(peer.sealKey))
  if (point.length !== 65) throw new Refusal('peer.unknown')
  const pair = [own, peer].map(({ enclaveId, epoch, signKey }) => `${enclaveId}/${epoch}/${signKey}`).sort()
  const key = deriveKey(point, 'peer', ...pair)
  point.fill(0)
  return key
}
