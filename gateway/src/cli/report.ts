import type { AuditReport } from '../store/audit-chain.ts'
import { isWhole, type Inspection } from '../store/inspect.ts'
import { NotWhole, type World } from './world.ts'

export const auditLine = ({ records, archived, head }: AuditReport): string =>
  `audit chain: ${records} records after ${archived} archived, head ${head}`

/** Says what is in a database. Throws `NotWhole` when something of it is damaged. */
export function sayInspection(inspection: Inspection, { say, complain }: World): void {
  const { schema, keys, openSessions, rows, damaged, audit } = inspection
  say(`schema ${schema}; every row was opened under the storage key`)
  say(
    `keys ${keys}, with ${rows.keys} epochs; roots of enclaves ${rows.enclaves}; manifests of enclaves ${rows.manifests}`,
  )
  say(`sessions ${rows.sessions}, of which open ${openSessions}; replies ${rows.replies}`)
  say(`bunkers ${rows.bunkers}; requests of programs ${rows.client_requests}; lines of their logs ${rows.bunker_log}`)
  if (audit !== null) say(auditLine(audit))
  else complain('audit chain: broken; `verify-audit` says where')
  for (const row of damaged) complain(`damaged: ${row}`)
  if (!isWhole(inspection)) throw new NotWhole()
}
