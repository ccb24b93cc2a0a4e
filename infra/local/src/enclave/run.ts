import { readFile } from 'node:fs/promises'
import { createEnclave } from '@quorate/enclave/enclave'
import { createEnclaveLog } from '@quorate/enclave/events'
import { createAttestedKms } from '@quorate/enclave/platform/attested-kms'
import { createKmsClient } from '@quorate/enclave/platform/kms-client'
import { createNsm } from '@quorate/enclave/platform/nsm'
import type { Platform } from '@quorate/enclave/platform/platform'
import { TunnelTlsAgent } from '@quorate/enclave/platform/tunnel'
import { endOnCrash } from '@quorate/enclave/server/crash'
import { createDispatch, type Dispatch } from '@quorate/enclave/server/dispatch'
import { serve } from '@quorate/enclave/server/serve'
import { loadMpc } from '@quorate/shared/mpc'
import { formatListenAddress } from '@quorate/shared/wire/address'
import { connectNsmSocket } from '../nsm/socket-transport.ts'
import { MeasuredConfiguration } from './configuration.ts'
import { dialLoopback } from './dial-loopback.ts'
import { parseLaunch, type Launch } from './launch.ts'

/** The stand-in gives keys to a measured image, as KMS does. Its own keys are files. */
const sealing = { provider: 'simulator', releasesTo: 'measured-image', keyAttestation: 'none' } as const

/** An enclave on the simulated platform: the same parts as in production, another NSM transport, and a KMS on this machine. */
async function compose({ enclaveId, nsmSocket, configuration }: Launch): Promise<Platform> {
  const { roots, release, kms } = MeasuredConfiguration.parse(JSON.parse(await readFile(configuration, 'utf8')))
  const nsm = createNsm(connectNsmSocket(nsmSocket))
  const { endpoint, keyArn, region, authorities } = kms
  // The attestation document is what the stand-in asks for; the SDK will not send a request without credentials.
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const agent = new TunnelTlsAgent((signal) => dialLoopback(Number(new URL(endpoint).port), signal), authorities)
  const client = createKmsClient({ endpoint, region, credentials, agent })
  const log = createEnclaveLog(enclaveId, (line) => void process.stdout.write(`${line}\n`))
  const mpc = await loadMpc()
  const sealingKms = createAttestedKms({
    nsm,
    client,
    keyArn,
    clockDiffers: (seconds) => log({ event: 'kms.clock_differs', seconds }),
  })
  return { enclaveId, nsm, kms: sealingKms, sealing, mpc, roots, release, clock: Date.now, log }
}

/**
 * Starts the enclave that these arguments name; resolves when it listens. `around` gives what answers in place of the
 * dispatch, for a composition that puts something between.
 */
export async function runEnclave(
  args: readonly string[],
  around: (dispatch: Dispatch) => Dispatch = (dispatch) => dispatch,
): Promise<void> {
  const launch = parseLaunch(args)
  const platform = await compose(launch)
  endOnCrash(platform.log)
  const { listen } = launch
  await serve(listen, around(createDispatch(createEnclave(platform), platform.log)))
  platform.log({ event: 'enclave.listening', address: formatListenAddress(listen) })

  // An enclave does not outlive its hypervisor.
  process.once('disconnect', () => process.exit(0))
  process.channel?.unref()
}
