import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { loadOrCreateChain, type DevelopmentChain } from '@quorate/local/nsm/development-root'
import { pemOf } from '@quorate/local/nsm/pem'
import { makeTlsAuthority } from '@quorate/local/nsm/tls'
import { createInstance, type Instance } from './instance.ts'
import { serveMetadata } from './metadata.ts'
import { accessKeyId, startSealingKey, type SealingKey } from './sealing-key.ts'

/** What a test has in place of a region of AWS: hypervisors under a root of its own, KMS, and instances for enclaves. */
export type Region = Readonly<{
  chain: DevelopmentChain
  instances: readonly Instance[]
  admit: SealingKey['admit']
  /** JSON of a measured configuration that believes this region, with these fields beside or in place of its own. */
  configure: (more?: object) => string
  close: () => Promise<void>
}>

const host = 'kms.local-1.amazonaws.com'
const ports = { listen: 5000, kms: 8000, metadata: 8001 }

/** Keeps everything in this folder. `tools`: where prepare.sh has put QEMU. One instance for each enclave id; nothing runs there yet. */
export async function openRegion(folder: string, tools: string, enclaveIds: readonly string[]): Promise<Region> {
  const chain = await loadOrCreateChain(join(folder, 'hypervisor'))
  const authority = makeTlsAuthority()
  const key = await startSealingKey({ folder: join(folder, 'kms'), root: chain.rootPem, enclaveIds, authority, host })
  const sealing = { provider: 'aws', endpoint: `https://${host}`, region: 'local-1', keyArn: key.arn }
  const believed = {
    roots: [chain.rootPem],
    sealing: { ...sealing, authorities: [pemOf(authority.certificate)] },
    ports,
  }
  const instances = enclaveIds.map((enclaveId, at) =>
    createInstance({
      enclaveId,
      folder,
      tools,
      chain,
      port: ports.listen,
      cid: 16 + at,
      services: { [ports.kms]: proxyTo(key.port), [ports.metadata]: serveMetadata(enclaveId, accessKeyId) },
    }),
  )
  return {
    chain,
    instances,
    admit: key.admit,
    configure: (more = {}) => JSON.stringify({ ...believed, ...more }, null, 2),
    close: async () => {
      await Promise.all(instances.map((instance) => instance.close()))
      await key.close()
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
