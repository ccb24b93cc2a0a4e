import { LoadError, loadMpc, type Mpc, type WasmSource } from '@quorate/shared/mpc'
import { QuorateError } from './errors.ts'

export type { WasmSource }

/** The threshold cryptography. Throws `wasm.missing`, `wasm.other`, `wasm.refused`. */
export async function mpcHere(source?: WasmSource): Promise<Mpc> {
  try {
    return await loadMpc(source)
  } catch (error) {
    if (!(error instanceof LoadError)) throw error
    throw new QuorateError(error.code, 'client', { issues: [error.what], cause: error })
  }
}

/**
 * Loads the cryptography before it is used first, from `source` where it does not lie where the SDK looks: for all of this page, worker or program.
 * What is loaded already stays. Throws `wasm.missing`, `wasm.other` or `wasm.refused`, and the next call may try again.
 */
export async function loadWasm(source?: WasmSource): Promise<void> {
  await mpcHere(source)
}
