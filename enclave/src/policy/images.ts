import type { HostKeys, PeerPolicy } from '@quorate/party/ports'
import { isAccepted, type TrustPolicy } from '@quorate/shared/attestation/policy'
import { type Measurements } from '@quorate/shared/wire/measurements'
import { Refusal } from '@quorate/shared/errors'
import { verifyManifest, verifyNotice } from '@quorate/shared/verify/manifest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { ManifestBody, ManifestOffer, ManifestStatus, Notice } from '@quorate/shared/wire/manifest'
import type { EnclaveLog } from '../events.ts'
import type { Release } from './release.ts'
import { noManifests, settle, take, type Taken } from './manifests.ts'

/** What an enclave is: PCR0 to 2, by which it is known without a manifest, and PCR8, which a manifest may ask for. */
export type OwnImage = Readonly<{ measurements: Measurements; signer: string }>

export type Images = PeerPolicy &
  Readonly<{
    /**
     * Takes a manifest, which is in force from `effectiveAt` (ms) on, and gives this enclave's notice of it. Throws
     * `manifest.invalid`, `manifest.stale`.
     */
    offer: (offer: ManifestOffer) => Promise<{ notice: Notice; effectiveAt: number }>
    /** Whose roots may be opened here: this image's, and while the manifest in force lists this image, those of all others in it. */
    births: () => TrustPolicy
    /** Does the manifest in force list this image? True when none is in force. */
    isListed: () => boolean
    /** Throws `image.retired` when the manifest in force no longer lists this image. */
    requireOwn: () => void
    /** What has been taken, signed by V with the asker's nonce. */
    status: (nonce: string) => Promise<ManifestStatus>
  }>

export type ImagesParts = Readonly<{
  keys: Pick<HostKeys, 'identity' | 'sign'>
  own: OwnImage
  roots: TrustPolicy['roots']
  /** Null: no manifest is ever taken, and peers must be of this very image. */
  release: Release | null
  clock: () => number
  log: EnclaveLog
}>

type Announced = Readonly<{ given: Notice | null; manifestDigest: Digest; serial: ManifestBody['serial'] }>

/** The notice that was given back, or a new one. */
async function noticeOf({ keys, clock }: ImagesParts, { given, manifestDigest, serial }: Announced): Promise<Notice> {
  const { enclaveId, signKey } = keys.identity
  const now = clock()
  if (given === null) return keys.sign('notice', { enclaveId, manifestDigest, serial, seenAt: now })
  await verifyNotice(given, { signKey, enclaveId, manifestDigest, serial, now })
  return given
}

const told = (taken: Taken | null) =>
  taken && { manifestDigest: taken.manifestDigest, serial: taken.serial, effectiveAt: taken.effectiveAt }

/** Which images this enclave accepts in its peers. What was taken is in memory; the gateway brings it again with its notice. */
export function createImages(parts: ImagesParts): Images {
  const { keys, own, roots, release, clock, log } = parts
  const registers: Measurements = { ...own.measurements, 8: own.signer }
  let manifests = noManifests

  function inForce(): Taken | null {
    manifests = settle(manifests, clock())
    return manifests.inForce
  }
  const trust = (measurements: readonly Measurements[]): TrustPolicy => ({ roots, measurements: [...measurements] })
  const policy = () => trust(inForce()?.images ?? [own.measurements])
  const isListed = () => inForce() === null || isAccepted(registers, policy())

  return {
    async offer({ manifest, notice: given }) {
      if (release === null) throw new Refusal('manifest.invalid')
      const manifestDigest = await verifyManifest(manifest, release)
      const { body } = manifest
      if (body.serial < release.leastSerial) throw new Refusal('manifest.stale')
      const seen = await noticeOf(parts, { given, manifestDigest, serial: body.serial })
      const effectiveAt = seen.body.seenAt + release.delaySeconds * 1_000
      const images = body.images.map(({ measurements }) => measurements)
      manifests = take(manifests, { manifestDigest, serial: body.serial, images, effectiveAt, notice: seen }, clock())
      log({ event: 'manifest.taken', serial: body.serial, manifestDigest, effectiveAt })
      const last = manifests.coming ?? manifests.inForce
      return last === null ? { notice: seen, effectiveAt } : { notice: last.notice, effectiveAt: last.effectiveAt }
    },
    policy,
    births: () => (isListed() ? trust([own.measurements, ...(inForce()?.images ?? [])]) : trust([own.measurements])),
    accepts: (pcrs) => isAccepted(pcrs, policy()),
    isListed,
    requireOwn: () => {
      if (!isListed()) throw new Refusal('image.retired')
    },
    serial: () => (manifests.coming ?? manifests.inForce)?.serial ?? 0,
    status: (nonce) => {
      const now = settle(manifests, clock())
      const { enclaveId } = keys.identity
      return keys.sign('manifest-status', { enclaveId, nonce, inForce: told(now.inForce), coming: told(now.coming) })
    },
  }
}
