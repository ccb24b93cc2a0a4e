import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { SessionKind } from '../store/store.ts'
import type { HostHealth } from './host-health.ts'
import type { Ports } from './ports.ts'

type Failure = Readonly<{ where: SessionKind; enclaveId: EnclaveId | undefined; error: unknown }>

/** What a session is told of a call that failed. An enclave that is not well is remembered; a fault of ours is logged. */
export function refusalOf(
  { ports, health }: Readonly<{ ports: Ports; health: HostHealth }>,
  { where, enclaveId, error }: Failure,
): { code: RefusalCode; culprits: readonly number[] } {
  const known = error instanceof Refusal
  const code = known ? error.code : 'enclave.failed'
  if (!known) ports.events.faulted({ where, error })
  if (enclaveId && health.failed(enclaveId, code)) ports.events.hostFailed({ enclaveId, code })
  return { code, culprits: known ? error.culprits : [] }
}

/** Runs `call`, and once more after `mend`, should the enclave refuse it with `code`: it has forgotten, and is told again. */
export async function afterMending<T>(
  code: RefusalCode,
  mend: () => Promise<unknown>,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== code) throw error
    await mend()
    return call()
  }
}

/** Logs that a session could not be saved or loaded. */
export const reportFailed =
  (events: Ports['events'], kind: SessionKind) =>
  (error: unknown): void => {
    if (error instanceof Refusal) events.storeFailed({ kind, code: error.code })
    else events.faulted({ where: kind, error })
  }
