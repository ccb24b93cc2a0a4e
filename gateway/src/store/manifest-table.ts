import type { Database } from 'better-sqlite3'
import type { createAuditChain } from './audit-chain.ts'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'

/** Per enclave the manifests that it has taken, as JSON. */
export function manifestOperations(db: Database, cipher: RowCipher, audit: ReturnType<typeof createAuditChain>) {
  const load = db.prepare<string[], { blob: Buffer }>('SELECT blob FROM manifests WHERE enclave_id = ?')
  const save = db.prepare(
    'INSERT INTO manifests VALUES (?, ?) ON CONFLICT (enclave_id) DO UPDATE SET blob = excluded.blob',
  )
  return {
    loadManifests: (enclaveId: string): string | null => {
      const row = load.get(enclaveId)
      return row ? cipher.open(placeOf.manifests(enclaveId), row.blob) : null
    },
    saveManifests: (enclaveId: string, manifests: string, record: string): void => {
      save.run(enclaveId, cipher.seal(placeOf.manifests(enclaveId), manifests))
      audit.append(record)
    },
  }
}
