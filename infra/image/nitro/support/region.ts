import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import type { AcceptedImage } from '@quorate/aws/key-policy/image'
import { makeKeyPolicy } from '@quorate/aws/key-policy/key-policy'
import { readConfiguration } from '@quorate/enclave/configuration'
import { arnOf, developmentKeyId } from '@quorate/local/kms/key-store'
import { startKms } from '@quorate/local/kms/server'
import { loadOrCreateChain, type DevelopmentChain } from '@quorate/local/nsm/development-root'
import { pemOf } from '@quorate/local/nsm/pem'
import { issueServerIdentity, makeTlsAuthority } from '@quorate/local/nsm/tls'
import { createInstance, type Instance } from './instance.ts'
import { serveMetadata } from './metadata.ts'

/** What a test has in place of a region of AWS: hypervisors under a root of its own, KMS, and instances for enclaves. */
export type Region = Readonly<{
  chain: DevelopmentChain
  instances: readonly Instance[]
  /** JSON of a measured configuration that believes this region, with these fields beside or in place of its own. */
  configure: (more?: object) => string
  /** From now on the KMS key serves these images and no others, by the policy that is made for AWS. */
  admit: (images: readonly AcceptedImage[]) => void
  close: () => Promise<void>
}>

const endpoint = 'kms.local-1.amazonaws.com'
const ports = { listen: 5000, kms: 8000, metadata: 8001 }
const account = '000000000000'
const role = (name: string) => `arn:aws:iam::${account}:role/${name}`
const accessKeyId = 'ASIAQUORATEENCLAVE00'

/** Keeps everything in this folder. `tools`: where prepare.sh has put QEMU. One instance for each enclave id; nothing runs there yet. */
export async function openRegion(folder: string, tools: string, enclaveIds: readonly string[]): Promise<Region> {
  const chain = await loadOrCreateChain(join(folder, 'hypervisor'))
  const authority = makeTlsAuthority()
  const keyArn = arnOf(developmentKeyId)
  const policyFor = (images: readonly AcceptedImage[]) =>
    makeKeyPolicy({
      ...{ account, enclaveIds, images, now: Date.now() },
      administrators: [role('key-administrator')],
      enclaveRoles: [role('quorate-enclave')],
    })
  const kms = await startKms({
    port: 0,
    tls: issueServerIdentity(authority, [endpoint]),
    folder: join(folder, 'kms'),
    roots: [chain.rootPem],
    keys: [{ keyId: developmentKeyId, policy: policyFor([]) }],
    principals: { [accessKeyId]: role('quorate-enclave') },
  })
  const sealing = { provider: 'aws', endpoint: `https://${endpoint}`, region: 'local-1', keyArn }
  const configuration = {
    roots: [chain.rootPem],
    sealing: { ...sealing, authorities: [pemOf(authority.certificate)] },
    ports,
  }
  const instances = enclaveIds.map((enclaveId, at) =>
    createInstance({
      ...{ enclaveId, folder, tools, port: ports.listen, chain, cid: 16 + at },
      services: { [ports.kms]: proxyTo(kms.port), [ports.metadata]: serveMetadata(enclaveId, accessKeyId) },
    }),
  )

  return {
    chain,
    instances,
    configure: (more = {}) => {
      const json = JSON.stringify({ ...configuration, ...more }, null, 2)
      readConfiguration(json)
      return json
    },
    admit: (images) => kms.keys.putPolicy(developmentKeyId, policyFor(images)),
    close: async () => {
      await Promise.all(instances.map((instance) => instance.close()))
      await kms.close()
    },
  }
}

/** As vsock-proxy of AWS: bytes, and no question what they are. */
const proxyTo =
  (port: number) =>
  (machine: Socket): void => {
    const service = connect(port, '127.0.0.1')
    const ended = () => {
      machine.destroy()
      service.destroy()
    }
    pipeline(machine, service, ended)
    pipeline(service, machine, ended)
  }
