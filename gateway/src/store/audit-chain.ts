import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { placeOf } from './places.ts'
import { DamagedRow, type RowCipher } from './row-cipher.ts'

type Row = { seq: number; hash: Buffer; blob: Buffer }

/** The last record before those that follow: its place in the chain and its hash. */
export type Link = Readonly<{ seq: number; hash: Buffer }>

/** One record with its link. `record` is JSON. */
export type Linked = Link & Readonly<{ record: string }>

/** What was checked. `archived`: how many records were taken out before the first. `head`: hash (hex) of the last record. */
export type AuditReport = Readonly<{ records: number; archived: number; head: string }>

/** What a chain begins with. */
export const GENESIS: Link = { seq: 0, hash: Buffer.alloc(32) }

/** SHA-256 over the hash before, the place and the record: no record can be altered, moved, added or left out unseen. */
const hashOf = (before: Uint8Array, seq: number, record: string): Buffer =>
  createHash('sha256').update('quorate/audit/v1\0').update(before).update(`${seq}\0`).update(record).digest()

/** Whether `next` is the record right after `before`. */
export const follows = (before: Link, next: Linked): boolean =>
  next.seq === before.seq + 1 && hashOf(before.hash, next.seq, next.record).equals(next.hash)

const ANCHOR = 'audit'

/** The anchor in `db`: the last record that was archived. Records of before are not in the database any more. */
function anchorIn(db: Database, cipher: RowCipher) {
  const place = placeOf.meta(ANCHOR)
  const read = db.prepare<string[], { blob: Buffer }>('SELECT blob FROM meta WHERE name = ?')
  const write = db.prepare(
    'INSERT INTO meta (name, blob) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET blob = excluded.blob',
  )
  return {
    read: (): Link => {
      const row = read.get(ANCHOR)
      if (row === undefined) return GENESIS
      const { seq, hash } = JSON.parse(cipher.open(place, row.blob)) as { seq: number; hash: string }
      return { seq, hash: Buffer.from(hash, 'hex') }
    },
    write: ({ seq, hash }: Link): void =>
      void write.run(ANCHOR, cipher.seal(place, JSON.stringify({ seq, hash: hash.toString('hex') }))),
  }
}

/** Reads the chain. */
function walkIn(db: Database, cipher: RowCipher) {
  const after = db.prepare<number[], Row>('SELECT seq, hash, blob FROM audit WHERE seq > ? ORDER BY seq')

  /** The records after this one. Throws `store.damaged` where the chain breaks. */
  function* from(begin: Link): Generator<Linked> {
    let before = begin
    for (const { seq, hash, blob } of after.iterate(begin.seq)) {
      const next = { seq, hash, record: cipher.open(placeOf.audit(seq), blob) }
      if (!follows(before, next)) throw new DamagedRow(placeOf.audit(seq))
      yield next
      before = next
    }
  }

  function check(begin: Link, archived: number): AuditReport {
    let [records, head] = [0, begin]
    for (const next of from(begin)) [records, head] = [records + 1, next]
    return { records, archived, head: head.hash.toString('hex') }
  }

  const first = (): number | undefined => after.get(Number.MIN_SAFE_INTEGER)?.seq
  return { from, check, first }
}

/**
 * The audit log in `db`. What its owner can still do is cut off its end; so the head is logged, and whoever keeps an old
 * head can tell.
 */
export function createAuditChain(db: Database, cipher: RowCipher) {
  const anchor = anchorIn(db, cipher)
  const { from, check, first } = walkIn(db, cipher)
  const last = db.prepare<[], Link>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
  const at = db.prepare<number[], Link>('SELECT seq, hash FROM audit WHERE seq = ?')
  const insert = db.prepare<[number, Buffer, Buffer]>('INSERT INTO audit (seq, hash, blob) VALUES (?, ?, ?)')
  const drop = db.prepare<number[]>('DELETE FROM audit WHERE seq <= ?')
  /** The last record, or the anchor when there is none. */
  const head = (): Link => last.get() ?? anchor.read()
  return {
    /** Runs inside the transaction of the act that it records. `record` is JSON. */
    append(record: string): void {
      const before = head()
      const seq = before.seq + 1
      insert.run(seq, hashOf(before.hash, seq, record), cipher.seal(placeOf.audit(seq), record))
    },
    /** The whole chain. Throws `store.damaged` where it breaks. */
    verify(): AuditReport {
      const begin = anchor.read()
      const least = first()
      // No record may stand before the anchor.
      if (least !== undefined && least <= begin.seq) throw new DamagedRow(placeOf.audit(least))
      return check(begin, begin.seq)
    },
    /** The last records, `most` at most, and the head. Throws `store.damaged` where they break. */
    verifyTail(most: number): AuditReport {
      const [begin, end] = [anchor.read(), head()]
      const before = end.seq > begin.seq + most ? at.get(end.seq - most) : begin
      if (before === undefined) throw new DamagedRow(placeOf.audit(end.seq - most))
      return check(before, begin.seq)
    },
    anchor: anchor.read,
    head,
    at: (seq: number): Link | undefined => at.get(seq),
    from,
    /** Takes out the records up to this one, which becomes the anchor. Runs inside a transaction. */
    dropTo(link: Link): void {
      anchor.write(link)
      drop.run(link.seq)
    },
  }
}
