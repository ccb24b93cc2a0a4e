import { MeasuredConfiguration } from '@quorate/enclave/configuration'
import { openSealing, type Sealing } from '@quorate/enclave/platform/sealing/open-sealing'
import type { SealingConfiguration } from '@quorate/enclave/platform/sealing/configuration'
import type { Nsm } from '@quorate/enclave/platform/nsm'
import { authorityPem, tunnelTo } from './service.ts'

const unasked = (): never => {
  throw new Error('this provider needs neither an NSM nor an instance')
}
const nsm: Nsm = {
  ...{ attest: unasked, random: unasked, describe: unasked, describePcr: unasked },
  ...{ extendPcr: unasked, lockPcr: unasked, lockPcrs: unasked },
}

/** As boot does it, of a configuration that has passed the schema. `port`: of the key service. */
export function openMeasured(sealing: SealingConfiguration, port: number): Sealing {
  const ports = { listen: 5000, kms: port, metadata: 1 }
  const read = MeasuredConfiguration.parse({ roots: [authorityPem], sealing, ports })
  const metadata = { enclaveId: unasked, credentials: unasked }
  return openSealing(read.sealing, {
    nsm,
    metadata,
    tunnelTo,
    port: read.ports.kms,
    clock: Date.now,
    clockDiffers: unasked,
  })
}
