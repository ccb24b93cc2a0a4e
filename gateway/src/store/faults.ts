import { Refusal } from '@quorate/shared/errors'
import { DamagedRow } from './row-cipher.ts'

/** What went wrong in the store, for the operator. `cause`: SQLite's own code, or a word of ours. `row`: which one is damaged. */
export type StoreFault = Readonly<{ cause: string; table?: string; row?: string }>

/** A damaged row, by name. The row of a reply is named by what a caller chose, so it is not said. */
const damagedFault = ({ place: [table, row, version] }: DamagedRow): StoreFault =>
  table === 'replies' ? { cause: 'damaged', table } : { cause: 'damaged', table, row: `${row}@${version}` }

/** Null for a refusal that is nobody's fault here. */
export function faultOf(error: unknown): StoreFault | null {
  if (error instanceof DamagedRow) return damagedFault(error)
  if (error instanceof Refusal) return null
  return { cause: error instanceof Error && 'code' in error ? String(error.code) : 'unknown' }
}

/** Codes that tell of the disk, not of what was written. */
export const isOfTheDisk = (cause: string): boolean =>
  /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)/.test(cause)
