import * as z from 'zod/mini'
import { EnclaveId, Time } from '../ids.ts'
import { Manifest, Notice } from '../manifest.ts'
import { Failure } from '../status.ts'
import { none, route } from './route.ts'

/**
 * The manifest of this gateway, and what each enclave has taken. The enclave's V signs a notice; one with a later `effectiveAt`
 * is not in force yet. `refusal`: why the enclave did not take this manifest.
 */
export const ManifestReport = z.strictObject({
  manifest: z.nullable(Manifest),
  enclaves: z.array(
    z.strictObject({
      enclaveId: EnclaveId,
      taken: z.array(z.strictObject({ notice: Notice, effectiveAt: Time })),
      refusal: z.nullable(Failure.shape.code),
    }),
  ),
})
export type ManifestReport = z.infer<typeof ManifestReport>

/** The manifest that this gateway offers to its enclaves. */
export const manifestRoutes = {
  getManifest: route({
    method: 'get',
    path: '/manifest',
    summary: 'The images that enclaves accept in each other, and from when on',
    wants: 'nobody',
    query: none,
    body: null,
    reply: ManifestReport,
    errors: [],
  }),
} as const
