import { isDebug } from '../attestation/policy.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import type { Digest, SignKey } from '../wire/ids.ts'
import type { Manifest, ManifestBody, Notice } from '../wire/manifest.ts'

/** Whose word decides which images are accepted: Ed25519 keys (hex), and how many of them must have signed. */
export type ReleaseKeys = Readonly<{ keys: readonly string[]; quorum: number }>

export const manifestDigest = (body: ManifestBody): Digest => digestOf('manifest', body)

/**
 * Verifies that at least a quorum of distinct release keys signed this manifest, and that no image of it is in debug mode. Signatures
 * of other keys count for nothing, so that one manifest can carry those of the old and of the new release keys. Gives its
 * digest. Throws `manifest.invalid`.
 */
export async function verifyManifest(manifest: Manifest, { keys, quorum }: ReleaseKeys): Promise<Digest> {
  const { body, signatures } = manifest
  if (quorum < 1 || body.images.some(({ measurements }) => isDebug(measurements))) throw new Refusal('manifest.invalid')
  const signers = await Promise.all(
    [...new Set(keys)].map(async (key) => {
      const own = signatures.filter((each) => each.key === key)
      const valid = await Promise.all(own.map(({ signature }) => verifyBody(key, 'manifest', { body, signature })))
      return valid.includes(true)
    }),
  )
  if (signers.filter(Boolean).length < quorum) throw new Refusal('manifest.invalid')
  return manifestDigest(body)
}

/** What a notice must be of: this enclave's V and id, this manifest, and a time that is not to come (ms). */
export type NoticeExpectation = Readonly<{
  signKey: SignKey
  enclaveId: string
  manifestDigest: Digest
  serial: number
  now: number
}>

/** Throws `manifest.invalid` unless this enclave signed that it has seen this manifest before `now`. */
export async function verifyNotice(notice: Notice, expect: NoticeExpectation): Promise<void> {
  const { body } = notice
  const fits =
    body.enclaveId === expect.enclaveId &&
    body.manifestDigest === expect.manifestDigest &&
    body.serial === expect.serial &&
    body.seenAt <= expect.now
  if (!fits || !(await verifyBody(expect.signKey, 'notice', notice))) throw new Refusal('manifest.invalid')
}
