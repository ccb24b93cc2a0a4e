import { Refusal } from '@quorate/shared/errors'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { createAttestedKms } from '../attested-kms.ts'
import type { InstanceMetadata } from '../instance-metadata.ts'
import { createKmsClient, type ClockDiffers } from '../kms-client.ts'
import type { SealingKms } from '../kms.ts'
import type { Nsm } from '../nsm.ts'
import { TunnelTlsAgent, type Tunnel } from '../tunnel.ts'
import { meansDisabledAtAzure, wrapWithAzure } from './azure.ts'
import type { SealingConfiguration } from './configuration.ts'
import { meansDisabledAtGoogle, wrapWithGoogle } from './google.ts'
import { createKeyService, type AskKeyService } from './key-service.ts'
import { createParentCredentials } from './parent-credentials.ts'
import { wrapWithPkcs11 } from './pkcs11.ts'
import { sealByWrapping, type KeyWrapper } from './wrapping.ts'

/** A key service, and what it attests. */
export type Sealing = Readonly<{ kms: SealingKms; claims: SealingClaims }>

export type SealingParts = Readonly<{
  nsm: Nsm
  metadata: InstanceMetadata
  /** To a vsock port of the parent instance. */
  tunnelTo: (port: number) => Tunnel
  /** The port behind which the parent has its proxy to the key service. */
  port: number
  /** Milliseconds since 1970. */
  clock: () => number
  /** The key service finds this clock ahead of its own by so many seconds. */
  clockDiffers: ClockDiffers
}>

/** The key service that the measured configuration names. Throws a plain Error when its PKCS #11 module is not in the image. */
export function openSealing(configuration: SealingConfiguration, parts: SealingParts): Sealing {
  switch (configuration.provider) {
    case 'aws':
      return openAws(configuration, parts)
    case 'aws-cloudhsm':
      return openCloudHsm(configuration, parts)
    case 'azure':
      return openAzure(configuration, parts)
    case 'google':
      return openGoogle(configuration, parts)
  }
}

type Of<P extends SealingConfiguration['provider']> = Extract<SealingConfiguration, { provider: P }>

function openAws({ provider, endpoint, region, keyArn, authorities }: Of<'aws'>, parts: SealingParts): Sealing {
  const { nsm, metadata, tunnelTo, port, clockDiffers } = parts
  const agent = new TunnelTlsAgent(tunnelTo(port), authorities)
  // Whatever the host hands over in their place may pass.
  const credentials = () =>
    metadata.credentials().catch(() => {
      throw new Refusal('kms.unavailable')
    })
  const client = createKmsClient({ endpoint, region, credentials, agent })
  const kms = createAttestedKms({ nsm, client, keyArn, clockDiffers })
  // KMS's keys live in its HSMs by AWS's word; no statement of them can be had.
  return { kms, claims: { provider, releasesTo: 'measured-image', keyAttestation: 'none' } }
}

function openCloudHsm({ provider, credentialsPort, ...hsm }: Of<'aws-cloudhsm'>, { tunnelTo }: SealingParts): Sealing {
  const { pin } = createParentCredentials(tunnelTo(credentialsPort))
  return sealedToHolder(provider, 'none', wrapWithPkcs11({ ...hsm, pin }))
}

function openAzure({ provider, keyId, algorithm, ...reach }: Of<'azure'>, parts: SealingParts): Sealing {
  // Tokens are for the service and not for one vault: what stands behind the vault's name, in every cloud of Azure's.
  const [, ...service] = new URL(keyId).hostname.split('.')
  const query = `api-version=2018-02-01&resource=${encodeURIComponent(`https://${service.join('.')}`)}`
  const token = { path: `/metadata/identity/oauth2/token?${query}`, headers: { metadata: 'true' } }
  const ask = askThrough({ ...reach, token, meansDisabled: meansDisabledAtAzure }, parts)
  // A Managed HSM attests its keys; what it says is not checked here.
  return sealedToHolder(provider, 'not-verified', wrapWithAzure(ask, { keyId, algorithm }))
}

function openGoogle({ provider, endpoint, keyVersion, hsm, ...reach }: Of<'google'>, parts: SealingParts): Sealing {
  const path = '/computeMetadata/v1/instance/service-accounts/default/token'
  const token = { path, headers: { 'metadata-flavor': 'Google' } }
  const ask = askThrough({ ...reach, token, meansDisabled: meansDisabledAtGoogle }, parts)
  const wrapper = wrapWithGoogle(ask, { endpoint, keyVersion, hsm, clock: parts.clock })
  return sealedToHolder(provider, hsm === null ? 'not-verified' : 'cavium-v2', wrapper)
}

/** Whoever has the credentials that the host hands over can do what the enclave does with them. */
const sealedToHolder = (
  provider: SealingClaims['provider'],
  keyAttestation: SealingClaims['keyAttestation'],
  wrapper: KeyWrapper,
): Sealing => ({
  kms: sealByWrapping(wrapper),
  claims: { provider, releasesTo: 'holder-of-credentials', keyAttestation },
})

type Way = Readonly<{
  authorities: readonly string[]
  credentialsPort: number
  /** How the parent is asked for a token. */
  token: Readonly<{ path: string; headers: Readonly<Record<string, string>> }>
  meansDisabled: (body: unknown) => boolean
}>

function askThrough(
  { authorities, credentialsPort, token: { path, headers }, meansDisabled }: Way,
  { tunnelTo, port }: SealingParts,
): AskKeyService {
  const credentials = createParentCredentials(tunnelTo(credentialsPort))
  const agent = new TunnelTlsAgent(tunnelTo(port), authorities)
  return createKeyService({ agent, token: () => credentials.bearerToken(path, headers), meansDisabled })
}
