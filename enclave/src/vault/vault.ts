import { Refusal } from '@quorate/shared/errors'
import { openSealed } from '@quorate/shared/crypto/ecies'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { createSigner, signBody } from '@quorate/shared/crypto/sign'
import type { Tag } from '@quorate/shared/crypto/hash'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Mpc } from '@quorate/shared/mpc'

/** Where a sealed share belongs. All of it is associated data: a share opens in its own place only. */
export type SharePlace = Readonly<{ keyId: string; index: number; epoch: number; certificateDigest: string }>

/** The keys that come from the root secret, behind verbs. None of them can be asked for. */
export type Vault = Readonly<{
  identity: EnclaveIdentity
  /** Opens what was sealed by ECIES to E. Throws `seal.invalid`. */
  open: (sealed: Uint8Array) => Uint8Array
  /** Signs H(tag, body) under V. */
  sign: <T>(tag: Tag, body: T) => Promise<{ body: T; signature: string }>
  sealShare: (place: SharePlace, plaintext: Uint8Array) => Uint8Array
  openShare: (place: SharePlace, sealed: Uint8Array) => Uint8Array
  /** K of this enclave and a peer that has been verified: HKDF(ECDH(E, E'), both identities). The caller wipes it. */
  agree: (peer: EnclaveIdentity) => Uint8Array
}>

const inPlace = ({ keyId, index, epoch, certificateDigest }: SharePlace) => [
  'share',
  1,
  keyId,
  index,
  epoch,
  certificateDigest,
]

/** Sets up the vault on a root secret (32 bytes), which stays in it. */
export async function createVault(mpc: Mpc, enclaveId: string, root: Uint8Array): Promise<Vault> {
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

  function withShareKey<T>(place: SharePlace, use: (key: Uint8Array) => T): T {
    const key = deriveKey(root, 'share', place.keyId, place.epoch)
    try {
      return use(key)
    } finally {
      key.fill(0)
    }
  }

  return {
    identity,
    open: (sealed) => openSealed(mpc.secp256k1, secret, sealed),
    sign: (tag, body) => signBody(signer, tag, body),
    sealShare: (place, plaintext) => withShareKey(place, (key) => sealWith(key, inPlace(place), plaintext)),
    openShare: (place, sealed) => withShareKey(place, (key) => openWith(key, inPlace(place), sealed)),
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
