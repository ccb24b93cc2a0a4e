import { Refusal } from '@quorate/shared/errors'
import type { Measurements } from '@quorate/shared/wire/measurements'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Notice } from '@quorate/shared/wire/manifest'

/** A manifest that an enclave has taken, with its own notice of it. Times in ms. */
export type Taken = Readonly<{
  manifestDigest: Digest
  serial: number
  images: readonly Measurements[]
  effectiveAt: number
  notice: Notice
}>

/** The one that decides now, and the one that will. */
export type Manifests = Readonly<{ inForce: Taken | null; coming: Taken | null }>

export const noManifests: Manifests = { inForce: null, coming: null }

/** How it stands at `now`: what was coming and whose time has come is in force. */
export const settle = (manifests: Manifests, now: number): Manifests =>
  manifests.coming !== null && manifests.coming.effectiveAt <= now
    ? { inForce: manifests.coming, coming: null }
    : manifests

/**
 * Takes a verified manifest. One with a higher serial takes the place of one that is still coming, so that the release keys can
 * call back what they signed. The same one again counts from its earliest notice. Throws `manifest.stale` for a lower serial, and
 * for the same serial on another body.
 */
export function take(before: Manifests, taken: Taken, now: number): Manifests {
  const { inForce, coming } = settle(before, now)
  const last = coming ?? inForce
  if (last === null || taken.serial > last.serial) return settle({ inForce, coming: taken }, now)
  if (taken.serial < last.serial || taken.manifestDigest !== last.manifestDigest) throw new Refusal('manifest.stale')
  const earliest = taken.effectiveAt < last.effectiveAt ? taken : last
  return settle(coming === null ? { inForce: earliest, coming } : { inForce, coming: earliest }, now)
}
