import type { EnclaveLog } from '../events.ts'

/**
 * Whatever nobody caught ends the process, with the name of its class as the last line of the log. Node itself would write its message, its
 * properties and the line of source, any of which could hold a secret.
 */
export function endOnCrash(log: EnclaveLog): void {
  process.on('uncaughtException', (error: unknown) => {
    log({ event: 'enclave.crashed', error: error instanceof Error ? error.constructor.name : 'unknown' })
    process.exit(1)
  })
}
