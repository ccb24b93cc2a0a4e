import type { AuditRecord } from '../engine/ports.ts'
import type { Session, Terms } from '../engine/course.ts'

/** Makes the audit record of a session at `at` (ms). */
export const auditing =
  <T extends Terms>({ keyId, id }: Session<T>, at: number) =>
  (event: string, detail: AuditRecord['detail']): AuditRecord => ({ at, event, keyId, sessionId: id, detail })
