import { makeKeyPolicy, type KeyPolicy } from '@quorate/aws/key-policy/key-policy'
import type { Measurements } from '@quorate/shared/attestation/policy'

const account = '000000000000'
const role = (name: string): string => `arn:aws:iam::${account}:role/${name}`

/** Who asks the KMS of a development fleet: the hosts of its enclaves, and an administrator of its key. */
export const developmentPrincipals = { local: role('quorate-enclave'), administrator: role('key-administrator') }

/** The policy that the generator makes for a fleet on AWS, of this one image (PCR0 to 2) and these enclaves. */
export const makeDevelopmentPolicy = (pcrs: Measurements, enclaveIds: readonly string[], now: number): KeyPolicy =>
  makeKeyPolicy({
    account,
    administrators: [developmentPrincipals.administrator],
    enclaveRoles: [developmentPrincipals.local],
    enclaveIds,
    images: [{ pcrs, until: null }],
    now,
  })
