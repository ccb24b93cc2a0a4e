import type { Place } from './row-cipher.ts'

/** Where the row of each table belongs. The rows that have no versions stand at 1. */
export const placeOf = {
  meta: (name: string): Place => ['meta', name, 1],
  session: (kind: string, id: string, keyId: string, version: number): Place => [
    'sessions',
    `${kind}/${id}/${keyId}`,
    version,
  ],
  enclosure: (kind: string, id: string): Place => ['enclosures', `${kind}/${id}`, 1],
  key: (keyId: string, version: number): Place => ['keys', keyId, version],
  root: (enclaveId: string): Place => ['enclaves', enclaveId, 1],
  manifests: (enclaveId: string): Place => ['manifests', enclaveId, 1],
  reply: (scope: string, key: string): Place => ['replies', JSON.stringify([scope, key]), 1],
  bunker: (keyId: string, version: number): Place => ['bunkers', keyId, version],
  clientRequest: (eventId: string, keyId: string, version: number): Place => [
    'client_requests',
    `${eventId}/${keyId}`,
    version,
  ],
  bunkerLog: (keyId: string, at: number): Place => ['bunker_log', `${keyId}/${at}`, 1],
  audit: (seq: number): Place => ['audit', String(seq), 1],
}

type Columns = Readonly<Record<string, string | number>>
const [text, number] = [
  (row: Columns, column: string) => String(row[column]),
  (row: Columns, column: string) => Number(row[column]),
]

/** Every table with sealed rows: the columns that its rows are placed by, and their place. */
export const sealedTables = {
  meta: { columns: 'name', place: (row: Columns) => placeOf.meta(text(row, 'name')) },
  sessions: {
    columns: 'kind, id, key_id, version',
    place: (row: Columns) =>
      placeOf.session(text(row, 'kind'), text(row, 'id'), text(row, 'key_id'), number(row, 'version')),
  },
  enclosures: {
    columns: 'kind, id',
    place: (row: Columns) => placeOf.enclosure(text(row, 'kind'), text(row, 'id')),
  },
  keys: {
    columns: 'key_id, version',
    place: (row: Columns) => placeOf.key(text(row, 'key_id'), number(row, 'version')),
  },
  enclaves: { columns: 'enclave_id', place: (row: Columns) => placeOf.root(text(row, 'enclave_id')) },
  manifests: { columns: 'enclave_id', place: (row: Columns) => placeOf.manifests(text(row, 'enclave_id')) },
  replies: { columns: 'scope, key', place: (row: Columns) => placeOf.reply(text(row, 'scope'), text(row, 'key')) },
  bunkers: {
    columns: 'key_id, version',
    place: (row: Columns) => placeOf.bunker(text(row, 'key_id'), number(row, 'version')),
  },
  client_requests: {
    columns: 'event_id, key_id, version',
    place: (row: Columns) => placeOf.clientRequest(text(row, 'event_id'), text(row, 'key_id'), number(row, 'version')),
  },
  bunker_log: {
    columns: 'key_id, at',
    place: (row: Columns) => placeOf.bunkerLog(text(row, 'key_id'), number(row, 'at')),
  },
  audit: { columns: 'seq', place: (row: Columns) => placeOf.audit(number(row, 'seq')) },
} as const

export type SealedTable = keyof typeof sealedTables
