import { readFile } from 'node:fs/promises'
import { createEnclave } from '@quorate/enclave/enclave'
import type { EnclaveLog } from '@quorate/enclave/events'
import { createAttestedKms, createKmsClient } from '@quorate/enclave/platform/attested-kms'
import { createNsm } from '@quorate/enclave/platform/nsm'
import type { Platform } from '@quorate/enclave/platform/platform'
import { createDispatch } from '@quorate/enclave/server/dispatch'
import { serve } from '@quorate/enclave/server/serve'
import { loadMpc } from '@quorate/shared/mpc'
import { connectNsmSocket } from '../nsm/socket-transport.ts'
import { MeasuredConfiguration } from './configuration.ts'
import { parseLaunch, type Launch } from './launch.ts'

/** An enclave on the simulated platform: the same parts as in production, another NSM transport and another KMS endpoint. */
async function compose({ enclaveId, nsmSocket, configuration }: Launch): Promise<Platform> {
  const { roots, kms } = MeasuredConfiguration.parse(JSON.parse(await readFile(configuration, 'utf8')))
  const nsm = createNsm(connectNsmSocket(nsmSocket))
  const { endpoint, keyArn, region } = kms
  // The attestation document is what the stand-in asks for; the SDK will not send a request without credentials.
  const client = createKmsClient({ endpoint, region, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } })
  const log: EnclaveLog = (event) =>
    process.stdout.write(JSON.stringify({ time: new Date().toISOString(), enclave: enclaveId, ...event }) + '\n')
  const mpc = await loadMpc()
  return { enclaveId, nsm, kms: createAttestedKms({ nsm, client, keyArn }), mpc, roots, clock: Date.now, log }
}

const launch = parseLaunch(process.argv.slice(2))
const platform = await compose(launch)
await serve(launch.listen, createDispatch(createEnclave(platform), platform.log))
const { listen } = launch
platform.log({
  event: 'enclave.listening',
  address: listen.kind === 'unix' ? listen.path : `${listen.host}:${listen.port}`,
})

// An enclave does not outlive its hypervisor.
process.once('disconnect', () => process.exit(0))
process.channel?.unref()
