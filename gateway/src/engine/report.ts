import { Refusal } from '@quorate/shared/errors'
import type { Journal } from './ports.ts'

/** Logs what failed and nobody waits for: a refusal of the store, or a bug. `where`: in which part of the gateway. */
export const reporting =
  (journal: Pick<Journal, 'storeFailed' | 'faulted'>, where: string) =>
  (error: unknown): void => {
    if (error instanceof Refusal) journal.storeFailed({ kind: where, code: error.code })
    else journal.faulted({ where, error })
  }
