import { Release } from '@quorate/enclave/policy/release'
import { isDebug } from '@quorate/shared/attestation/policy'
import { verifyBody } from '@quorate/shared/crypto/sign'
import { manifestDigest, verifyManifest } from '@quorate/shared/verify/manifest'
import { Manifest, ManifestBody, ManifestImage } from '@quorate/shared/wire/manifest'
import { fromAws } from '@quorate/shared/wire/measurements'
import * as z from 'zod'

/** What is not signed by anybody yet, or by some. */
export type Draft = Readonly<{ body: ManifestBody; signatures: Manifest['signatures'] }>

/** A manifest of these images: label and the contents of its pcrs.json. Throws for one in debug mode, or that names too little. */
export function draftManifest(serial: number, images: readonly Readonly<{ label: string; pcrs: unknown }>[]): Draft {
  const listed = images.map(({ label, pcrs }) => ManifestImage.parse({ label, measurements: fromAws(pcrs) }))
  const debug = listed.find(({ measurements }) => isDebug(measurements))
  if (debug !== undefined) throw new Error(`${debug.label} is an image in debug mode`)
  return { body: ManifestBody.parse({ version: 1, serial, images: listed }), signatures: [] }
}

const DraftFile = z.strictObject({
  body: ManifestBody,
  signatures: z.array(Manifest.shape.signatures.def.element).max(32),
})

/** Reads what `draft` and `sign` have written. */
export const readDraft = (json: string): Draft => DraftFile.parse(JSON.parse(json))

/**
 * One manifest with all the signatures of several over the same body, each key once. Throws a plain Error when the bodies differ, or a
 * signature does not verify.
 */
export async function joinManifests([first, ...more]: readonly Draft[]): Promise<Draft> {
  if (first === undefined) throw new Error('nothing to join')
  const { body } = first
  if (more.some((other) => manifestDigest(other.body) !== manifestDigest(body)))
    throw new Error('these are signatures of different manifests')
  const signatures = new Map([first, ...more].flatMap((each) => each.signatures.map((one) => [one.key, one])))
  for (const { key, signature } of signatures.values())
    if (!(await verifyBody(key, 'manifest', { body, signature })))
      throw new Error(`the signature of ${key} does not verify`)
  return { body, signatures: [...signatures.values()] }
}

const Configuration = z.object({ release: Release })

/** Lines for who is about to sign, or to hand out: what is listed, and who has signed. */
export function describeManifest({ body, signatures }: Draft): string[] {
  return [
    `serial ${body.serial}, digest ${manifestDigest(body)}`,
    ...body.images.flatMap(({ label, measurements }) => [
      `image ${label}`,
      ...Object.entries(measurements).map(([index, value]) => `  PCR${index} ${value}`),
    ]),
    ...signatures.map(({ key }) => `signed by ${key}`),
  ]
}

/**
 * Would an enclave with this measured configuration (JSON) take it? Gives the lines that say so. Throws a plain Error that says
 * why not.
 */
export async function checkManifest(draft: Draft, configuration: string): Promise<string[]> {
  const { release } = Configuration.parse(JSON.parse(configuration))
  const { body, signatures } = draft
  const known = signatures.filter(({ key }) => release.keys.includes(key)).length
  if (body.serial < release.leastSerial) throw new Error(`the least serial of this image is ${release.leastSerial}`)
  await verifyManifest({ body, signatures }, release).catch(() => {
    throw new Error(`${known} release keys signed, and ${release.quorum} are needed; or a signature does not verify`)
  })
  return [...describeManifest(draft), `takes effect ${release.delaySeconds} s after an enclave has seen it`]
}
