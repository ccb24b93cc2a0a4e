import * as z from 'zod/mini'
import { Measurements } from './measurements.ts'
import { Digest, EnclaveId, Random32, Signature, SignKey, Time } from './ids.ts'
import { signed } from './signed.ts'

const required = ['0', '1', '2']
const registers = new Set([...required, '8'])

/** An image that peers may run: PCR0 to 2, and PCR8 where it is signed. `label` is for people: a version, a commit. */
export const ManifestImage = z.strictObject({
  label: z.string().check(z.regex(/^[\w.+-]{1,64}$/, 'letters, digits and . _ + -, at most 64')),
  measurements: Measurements.check(
    z.refine((set) => required.every((index) => set[index] !== undefined), 'an image is named by PCR0, 1 and 2'),
    z.refine((set) => Object.keys(set).every((index) => registers.has(index)), 'no other registers than 0, 1, 2 and 8'),
    z.meta({
      required,
      propertyNames: { enum: [...registers] },
    }),
  ),
})
export type ManifestImage = z.infer<typeof ManifestImage>

/** A number that grows with every manifest; an enclave goes up only. */
export const Serial = z.int().check(z.minimum(1), z.maximum(0xffff_ffff))

/** Of the newest manifest that a host has taken, in force or coming; 0 for none. */
export const NewestSerial = z.union([z.literal(0), Serial])

/** The images that enclaves accept in each other, all of them: what is not listed is not accepted. */
export const ManifestBody = z.strictObject({
  version: z.literal(1),
  serial: Serial,
  images: z.array(ManifestImage).check(z.minLength(1), z.maxLength(16)),
})
export type ManifestBody = z.infer<typeof ManifestBody>

/** Ed25519 signatures over H(manifest, body) by release keys, which are part of an enclave's measured configuration. */
export const Manifest = z.strictObject({
  body: ManifestBody,
  signatures: z.array(z.strictObject({ key: SignKey, signature: Signature })).check(z.minLength(1), z.maxLength(32)),
})
export type Manifest = z.infer<typeof Manifest>

/**
 * When an enclave first saw a manifest, signed by its V over H(notice, body). The gateway keeps it and gives it back after a
 * restart, so that the delay before the manifest takes effect does not begin anew.
 */
export const Notice = signed(
  z.strictObject({ enclaveId: EnclaveId, manifestDigest: Digest, serial: Serial, seenAt: Time }),
)
export type Notice = z.infer<typeof Notice>

/** A manifest as the gateway brings it to an enclave; null before that enclave has given a notice of it. */
export const ManifestOffer = z.strictObject({ manifest: Manifest, notice: z.nullable(Notice) })
export type ManifestOffer = z.infer<typeof ManifestOffer>

const ofManifest = { manifestDigest: Digest, serial: Serial, effectiveAt: Time }

/**
 * Which manifests an enclave has taken, signed by its V over H(manifest-status, body) with the asker's nonce: who relays it can keep
 * it back, and cannot make it up. Null in `inForce`: it accepts its own image only.
 */
export const ManifestStatus = signed(
  z.strictObject({
    enclaveId: EnclaveId,
    nonce: Random32,
    inForce: z.nullable(z.strictObject(ofManifest)),
    coming: z.nullable(z.strictObject(ofManifest)),
  }),
)
export type ManifestStatus = z.infer<typeof ManifestStatus>
