import { createSigner, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { manifestDigest } from '@quorate/shared/verify/manifest'
import { toHex } from '@quorate/shared/wire/bytes'
import { EnclaveId, SignKey } from '@quorate/shared/wire/ids'
import { ManifestBody, type Manifest } from '@quorate/shared/wire/manifest'
import type { TakenManifest } from '../../src/store/store.ts'

const signer = await createSigner(new Uint8Array(32).fill(1))
const key = (of: Signer) => SignKey.parse(toHex(of.publicKey))

/** A manifest of one image, signed by one key. */
export async function signedManifest(serial: number): Promise<Manifest> {
  const measurements = { 0: 'a'.repeat(96), 1: 'b'.repeat(96), 2: 'c'.repeat(96) }
  const body = ManifestBody.parse({ version: 1, serial, images: [{ label: 'one', measurements }] })
  const { signature } = await signBody(signer, 'manifest', body)
  return { body, signatures: [{ key: key(signer), signature }] }
}

/** As an enclave takes it: with a notice, which a gateway cannot verify and keeps. */
export async function takenManifest(serial: number, seenAt: number, effectiveAt: number): Promise<TakenManifest> {
  const manifest = await signedManifest(serial)
  const enclaveId = EnclaveId.parse('enclave-0')
  const body = { enclaveId, manifestDigest: manifestDigest(manifest.body), serial, seenAt }
  return { manifest, notice: await signBody(signer, 'notice', body), effectiveAt }
}
