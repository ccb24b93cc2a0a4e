import { createHash } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import type { RowCipher } from './row-cipher.ts'

type Row = { seq: number; hash: Buffer; blob: Buffer }

const GENESIS = Buffer.alloc(32)

/** SHA-256 over the hash before, the place and the record: no record can be altered, moved, added or left out unseen. */
const link = (before: Uint8Array, seq: number, record: string): Buffer =>
  createHash('sha256').update('quorate/audit/v1\0').update(before).update(`${seq}\0`).update(record).digest()

/**
 * The audit log in `db`. What its owner can still do is cut off its end; so the head is logged, and whoever keeps an old
 * head can tell.
 */
export function createAuditChain(db: Database, cipher: RowCipher) {
  const last = db.prepare<[], Pick<Row, 'seq' | 'hash'>>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
  const insert = db.prepare<[number, Buffer, Buffer]>('INSERT INTO audit (seq, hash, blob) VALUES (?, ?, ?)')
  const all = db.prepare<[], Row>('SELECT seq, hash, blob FROM audit ORDER BY seq')
  return {
    /** Runs inside the transaction of the act that it records. `record` is JSON. */
    append(record: string): void {
      const head = last.get()
      const seq = (head?.seq ?? 0) + 1
      insert.run(seq, link(head?.hash ?? GENESIS, seq, record), cipher.seal(['audit', String(seq), 1], record))
    },
    /** Throws `store.failed` where the chain breaks. */
    verify(): { records: number; head: string } {
      let head: Buffer = GENESIS
      let records = 0
      for (const { seq, hash, blob } of all.iterate()) {
        records += 1
        head = link(head, seq, cipher.open(['audit', String(seq), 1], blob))
        if (seq !== records || !head.equals(hash)) throw new Refusal('store.failed')
      }
      return { records, head: head.toString('hex') }
    },
  }
}
