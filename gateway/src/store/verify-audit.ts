import { createAuditChain, GENESIS, type AuditReport, type Link } from './audit-chain.ts'
import { verifyArchive, type Archived } from './audit-archive.ts'
import { openDatabase } from './database-file.ts'
import { DamagedRow, createRowCipher } from './row-cipher.ts'

export type AuditFiles = Readonly<{ path: string; storageKey: Uint8Array; archives: readonly string[] }>
export type VerifiedAudit = Readonly<{ report: AuditReport; archived: readonly (Archived & { file: string })[] }>

const isSame = (one: Link, other: Link): boolean => one.seq === other.seq && one.hash.equals(other.hash)

/**
 * Checks the whole chain of a database, and that the archives are what came before it, in this order, without a gap. Writes nothing. Throws a
 * plain Error that says where the chain breaks.
 */
export async function verifyAuditOf({ path, storageKey, archives }: AuditFiles): Promise<VerifiedAudit> {
  const db = openDatabase(path, { readonly: true })
  try {
    const chain = createAuditChain(db, createRowCipher(storageKey))
    const archived = await verifyArchives(archives, chain.anchor())
    return { report: chain.verify(), archived }
  } catch (error) {
    if (error instanceof DamagedRow)
      throw new Error(`${path}: the audit chain breaks at ${error.place.slice(0, 2).join('/')}`, { cause: error })
    throw error
  } finally {
    db.close()
  }
}

async function verifyArchives(files: readonly string[], anchor: Link): Promise<(Archived & { file: string })[]> {
  const archived: (Archived & { file: string })[] = []
  let end = GENESIS
  for (const file of files) {
    const next = await verifyArchive(file)
    if (!isSame(next.after, end))
      throw new Error(`${file}: begins after record ${next.after.seq}, not after ${end.seq}`)
    archived.push({ ...next, file })
    end = next.last
  }
  if (files.length > 0 && !isSame(end, anchor))
    throw new Error(`the archives end with record ${end.seq}, and the database goes on after ${anchor.seq}`)
  return archived
}
