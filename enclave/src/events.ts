import type { PartyEvent } from '@quorate/party/events'
import type { RefusalCode } from '@quorate/shared/errors'
import { writeLine, type Level } from '@quorate/shared/log-line'
import type { EnclaveId } from '@quorate/shared/wire/ids'

/**
 * Everything that an enclave ever says about itself. Ids, codes and public commitments only: what is not a field here
 * cannot be logged.
 */
export type EnclaveEvent =
  | PartyEvent
  | { event: 'enclave.listening'; address: string }
  /** `taken_over`: opened as another image left it, and sealed anew for this one. */
  | { event: 'root.created' | 'root.opened' | 'root.taken_over'; signKey: string }
  /** By KMS's answer, this clock is ahead of KMS's by so much. */
  | { event: 'kms.clock_differs'; seconds: number }
  | { event: 'manifest.taken'; serial: number; manifestDigest: string; effectiveAt: number }
  | { event: 'call.refused'; method: string; code: RefusalCode }
  | { event: 'call.failed'; method: string; error: string }
  /** By the name of its class. */
  | { event: 'enclave.crashed'; error: string }

export type EnclaveLog = (event: EnclaveEvent) => void

const levels: Readonly<Partial<Record<EnclaveEvent['event'], Level>>> = {
  'call.failed': 'error',
  'enclave.crashed': 'fatal',
  'kms.clock_differs': 'warn',
}

/** The log of the enclave of this name, by what writes a line of it. */
export const createEnclaveLog =
  (enclave: EnclaveId, write: (line: string) => void): EnclaveLog =>
  (event) =>
    write(writeLine(levels[event.event] ?? 'info', { enclave, ...event }))
