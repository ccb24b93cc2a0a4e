import { MpcError } from '@quorate/shared/mpc'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'

/** Runs a call into the cryptography and turns its failure into this refusal, with its culprits; a trap is `enclave.failed`. */
export function orRefuse<T>(code: RefusalCode, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof MpcError)) throw error
    throw error.code === 'trapped' ? new Refusal('enclave.failed') : new Refusal(code, error.culprits)
  }
}
