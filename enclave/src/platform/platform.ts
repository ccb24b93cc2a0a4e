import type { Mpc } from '@quorate/shared/mpc'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import type { EnclaveLog } from '../events.ts'
import type { SealingKms } from './kms.ts'
import type { Nsm } from './nsm.ts'

/** What an enclave stands on. Devices here, decisions elsewhere: a simulated fleet passes other devices to the same code. */
export type Platform = Readonly<{
  enclaveId: EnclaveId
  nsm: Nsm
  kms: SealingKms
  mpc: Mpc
  /** What that key service attests, for whoever asks. */
  sealing: SealingClaims
  /** Roots under which peers must attest. Their measurements must equal this enclave's own. */
  roots: TrustPolicy['roots']
  /** Milliseconds since 1970 by the hypervisor's clock. */
  clock: () => number
  log: EnclaveLog
}>
