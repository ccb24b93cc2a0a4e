import type { Mpc } from '@quorate/shared/mpc'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import type { EnclaveLog } from '../events.ts'
import type { Release } from '../policy/release.ts'
import type { SealingKms } from './kms.ts'
import type { Nsm } from './nsm.ts'

/** What an enclave stands on. Devices here, decisions elsewhere: a simulated fleet passes other devices to the same code. */
export type Platform = Readonly<{
  enclaveId: EnclaveId
  nsm: Nsm
  kms: SealingKms
  /** What that key service attests, for whoever asks. */
  sealing: SealingClaims
  mpc: Mpc
  /** Roots under which peers must attest. */
  roots: TrustPolicy['roots']
  /** Whose manifests say of which images peers may be. Null: of this very image only. */
  release: Release | null
  /** Milliseconds since 1970 by the hypervisor's clock. */
  clock: () => number
  log: EnclaveLog
}>
