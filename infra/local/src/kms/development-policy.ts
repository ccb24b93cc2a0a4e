import { makeKeyPolicy, type KeyPolicy } from '@quorate/aws/key-policy/key-policy'
import type { Measurements } from '@quorate/shared/wire/measurements'

const account = '000000000000'
const role = (name: string): string => `arn:aws:iam::${account}:role/${name}`

/** Who asks the KMS of a development fleet: the hosts of its enclaves, and an administrator of its key. */
export const developmentPrincipals = { local: role('quorate-enclave'), administrator: role('key-administrator') }

/** The day after tomorrow: images that are left are served for as long as a fleet runs. */
const soon = (now: number): string => new Date(now + 2 * 86_400_000).toISOString().slice(0, 10)

/**
 * The policy that the generator makes for a fleet on AWS, of this image (PCR0 to 2), those that an upgrade leaves, and these
 * enclaves.
 */
export const makeDevelopmentPolicy = (
  pcrs: Measurements,
  enclaveIds: readonly string[],
  now: number,
  leaving: readonly Measurements[] = [],
): KeyPolicy =>
  makeKeyPolicy({
    account,
    administrators: [developmentPrincipals.administrator],
    enclaveRoles: [developmentPrincipals.local],
    enclaveIds,
    images: [{ pcrs, until: null }, ...leaving.map((former) => ({ pcrs: former, until: soon(now) }))],
    now,
  })
