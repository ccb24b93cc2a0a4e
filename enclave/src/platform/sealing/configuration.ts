import { X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { mechanisms, type Mechanism } from './cryptoki.ts'

const Certificate = z.string().refine(isCertificate, 'a certificate as PEM')
/** A vsock port. */
export const Port = z.int().min(1).max(0xffff_fffe)

/** Under which (PEM) the certificate of an endpoint must be. */
const authorities = z.array(Certificate).min(1)
/** Where the parent instance hands credentials over, by plain HTTP. */
const credentialsPort = Port
/** Label of a token, or of an object in one. */
const label = (longest: number) => z.string().regex(new RegExp(`^[!-~][ -~]{0,${longest - 1}}$`))

const Aws = z
  .strictObject({
    provider: z.literal('aws'),
    endpoint: z.url({ protocol: /^https$/ }),
    region: z.string().regex(/^[a-z0-9-]{1,32}$/),
    keyArn: z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[0-9A-Za-z-]{1,64}$/),
    authorities,
  })
  .refine(({ keyArn, region }) => keyArn.split(':')[3] === region, 'the key is of another region')

const AwsCloudHsm = z.strictObject({
  provider: z.literal('aws-cloudhsm'),
  /** The PKCS #11 module in the image. */
  library: z.string().regex(/^\/[\w./+-]{1,255}$/),
  token: label(32),
  key: label(64),
  mechanism: z.enum(Object.keys(mechanisms) as Mechanism[]),
  credentialsPort,
})

const Azure = z
  .strictObject({
    provider: z.literal('azure'),
    /** With its version: `https://NAME.vault.azure.net/keys/KEY/VERSION`, or of `managedhsm.azure.net`. */
    keyId: z
      .string()
      .regex(/^https:\/\/[a-z0-9.-]{1,127}\/keys\/[0-9A-Za-z-]{1,127}\/[0-9a-f]{32}$/)
      .max(256),
    algorithm: z.enum(['RSA-OAEP-256', 'A256KW']),
    authorities,
    credentialsPort,
  })
  .refine(
    ({ keyId, algorithm }) => algorithm !== 'A256KW' || new URL(keyId).hostname.includes('.managedhsm.'),
    'A256KW is of Managed HSMs',
  )

const Google = z.strictObject({
  provider: z.literal('google'),
  endpoint: z.url({ protocol: /^https$/ }).regex(/[^/]$/),
  keyVersion: z
    .string()
    .regex(
      /^projects\/[\w:.-]{1,63}\/locations\/[\w-]{1,63}\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}\/cryptoKeyVersions\/\d{1,10}$/,
    )
    .max(256),
  /** What the attestation of that version must be, or null to ask for none. */
  hsm: z
    .strictObject({ manufacturer: Certificate, owner: Certificate, statement: z.string().regex(/^[0-9a-f]{64}$/) })
    .nullable(),
  authorities,
  credentialsPort,
})

/** Which key service seals the root, with which key, and whom the enclave takes for it. Part of the measured configuration. */
export const SealingConfiguration = z.discriminatedUnion('provider', [Aws, AwsCloudHsm, Azure, Google])
export type SealingConfiguration = z.infer<typeof SealingConfiguration>

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
