import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadMpc } from '@quorate/shared/mpc'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { MeasuredConfiguration } from './configuration.ts'
import { createEnclaveLog } from './events.ts'
import { seedEntropy } from './platform/entropy.ts'
import { createInstanceMetadata, type InstanceMetadata } from './platform/instance-metadata.ts'
import { createNsm, type NsmTransport } from './platform/nsm.ts'
import type { Platform } from './platform/platform.ts'
import { openSealing } from './platform/sealing/open-sealing.ts'

/** What is under an enclave. */
export type Devices = Readonly<{
  nsm: NsmTransport
  /** Mixes bytes into the kernel's randomness. Throws when the kernel does not take them. */
  addEntropy: (bytes: Uint8Array) => void
  /** Opens a stream to a vsock port of the parent instance. Throws what connecting fails with, or the signal's reason. */
  dialParent: (port: number, signal: AbortSignal) => Promise<Socket>
  /** Lines for the console, which the parent can read of an enclave in debug mode only. */
  write: (line: string) => void
}>

/** Attempts to learn the enclave's name, one a second: the host may start its proxies after the enclave. */
const attempts = 60

/**
 * From devices to what an enclave stands on. The randomness comes first: nothing secret is drawn before it is known to be good.
 * Throws a plain Error when a source of it is bad, when the host does not give the enclave a name within a minute, or when the
 * image lacks the PKCS #11 module that it is configured for.
 */
export async function boot(
  { roots, release, sealing, ports }: MeasuredConfiguration,
  devices: Devices,
): Promise<Platform> {
  const nsm = createNsm(devices.nsm)
  await seedEntropy(nsm, devices.addEntropy)

  const metadata = createInstanceMetadata((signal) => devices.dialParent(ports.metadata, signal))
  const enclaveId = await learnName(metadata)
  const clock = Date.now
  const log = createEnclaveLog(enclaveId, devices.write)
  const { kms, claims } = openSealing(sealing, {
    nsm,
    metadata,
    clock,
    port: ports.kms,
    clockDiffers: (seconds) => log({ event: 'kms.clock_differs', seconds }),
    tunnelTo: (port) => (signal) => devices.dialParent(port, signal),
  })
  return {
    enclaveId,
    nsm,
    kms,
    sealing: claims,
    mpc: await loadMpc(),
    roots,
    release,
    clock,
    log,
  }
}

async function learnName(metadata: InstanceMetadata): Promise<EnclaveId> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await metadata.enclaveId()
    } catch (error) {
      if (attempt === attempts) throw new Error('the host gives this enclave no name', { cause: error })
      await sleep(1_000)
    }
  }
}
