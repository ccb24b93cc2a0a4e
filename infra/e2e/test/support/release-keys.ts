import { createSigner, signBody, type Signer } from '@quorate/shared/crypto/sign'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { toHex } from '@quorate/shared/wire/bytes'
import { SignKey } from '@quorate/shared/wire/ids'
import { ManifestBody, type Manifest } from '@quorate/shared/wire/manifest'

/** Ed25519 keys of people who release images, by numbers. */
export const releaseSigners = await Promise.all([1, 2, 3].map((seed) => createSigner(new Uint8Array(32).fill(seed))))
export const strangerSigner = await createSigner(new Uint8Array(32).fill(99))
export const keyOf = (signer: Signer): SignKey => SignKey.parse(toHex(signer.publicKey))

/** A manifest of these images, signed by the first two release keys when nothing is said. */
export async function makeManifest(
  serial: number,
  images: readonly Measurements[],
  signers: readonly Signer[] = releaseSigners.slice(0, 2),
): Promise<Manifest> {
  const listed = images.map((measurements, at) => ({ label: `image-${at}`, measurements }))
  const body = ManifestBody.parse({ version: 1, serial, images: listed })
  const sign = async (signer: Signer) => ({
    key: keyOf(signer),
    signature: (await signBody(signer, 'manifest', body)).signature,
  })
  return { body, signatures: await Promise.all(signers.map(sign)) }
}
