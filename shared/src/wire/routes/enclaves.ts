import * as z from 'zod/mini'
import { EnclaveId, Random32 } from '../ids.ts'
import { AttestedIdentity, EnclaveIdentity } from '../identity.ts'
import { ManifestStatus } from '../manifest.ts'
import { SealingClaims } from '../sealing.ts'
import { none, ofEnclaves, route } from './route.ts'

/** The gateway's word on one of its enclaves: nothing of it is proved. */
export interface EnclaveStatus {
  enclaveId: EnclaveId
  /** `retired`: it runs, and takes part in nothing, since the manifest in force does not list its image. */
  state: 'ready' | 'retired' | 'locked' | 'down'
  identity: EnclaveIdentity | null
  /** What its key service attests, by the enclave's own word. Null before the enclave has answered. */
  sealing: SealingClaims | null
}
export const EnclaveStatus = z.toZod<EnclaveStatus>()(
  z.strictObject({
    enclaveId: EnclaveId,
    state: z.enum(['ready', 'retired', 'locked', 'down']),
    identity: z.nullable(EnclaveIdentity),
    sealing: z.nullable(SealingClaims),
  }),
)

/** The asker draws it: the answer is then newer than the question. */
const fresh = z.strictObject({ nonce: Random32 })

/** The enclaves of this gateway, and what each proves of itself. */
export const enclaveRoutes = {
  listEnclaves: route({
    method: 'get',
    path: '/enclaves',
    summary: 'The enclaves of this gateway',
    wants: 'nobody',
    query: none,
    body: null,
    reply: z.strictObject({ enclaves: z.array(EnclaveStatus) }),
    errors: [],
  }),
  getAttestation: route({
    method: 'get',
    path: '/enclaves/{enclaveId}/attestation',
    summary: "An enclave's attestation document over the asker's nonce",
    wants: 'nobody',
    query: fresh,
    body: null,
    reply: AttestedIdentity,
    errors: ['request.not_found', ...ofEnclaves],
  }),
  getManifestStatus: route({
    method: 'get',
    path: '/enclaves/{enclaveId}/manifest',
    summary: "Which manifests an enclave has taken, signed by it over the asker's nonce",
    wants: 'nobody',
    query: fresh,
    body: null,
    reply: ManifestStatus,
    errors: ['request.not_found', ...ofEnclaves],
  }),
} as const
