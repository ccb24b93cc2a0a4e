import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import { causedBy, causingRequest } from '../../src/engine/cause.ts'
import { createAuditChain, GENESIS } from '../../src/store/audit-chain.ts'
import { openDatabase } from '../../src/store/database-file.ts'
import { createRowCipher } from '../../src/store/row-cipher.ts'
import { ask, coordinator, decisionFor, finished, folder, inFreshHouses, logged, store, storedKey } from './house.ts'

inFreshHouses()

type Row = Readonly<{ event: string; requestId?: string }>

/** Every audit record, as it is written. */
function audited(): Row[] {
  const db = openDatabase(join(folder, 'gateway.db'), { readonly: true })
  const chain = createAuditChain(db, createRowCipher(new Uint8Array(32).fill(7)))
  const records = [...chain.from(GENESIS)].map(({ record }) => JSON.parse(record) as Row)
  db.close()
  return records
}
const linesOf = (event: string) => logged.map((line) => JSON.parse(line) as Row).filter((line) => line.event === event)

describe('the request that began an act', () => {
  it('stands in its log lines and its audit records, which verify beside records without one', async () => {
    const key = await storedKey()
    const unnamed = await ask(key)
    await coordinator.approve(unnamed.status.signingId, await decisionFor(key, unnamed.request, 2))
    await finished(unnamed.status)
    const before = audited()
    expect(before.every((record) => !('requestId' in record))).toBe(true)

    const { request, status } = await causedBy('asked', () => ask(key))
    const approval = await decisionFor(key, request, 2)
    await causedBy('approved', () => coordinator.approve(status.signingId, approval))
    await finished(status)
    const after = audited().slice(before.length)
    expect(after.length).toBeGreaterThan(0)
    expect(new Set(after.map(({ requestId }) => requestId))).toEqual(new Set(['approved']))
    expect(linesOf('signing.requested').map(({ requestId }) => requestId)).toEqual([undefined, 'asked'])
    expect(linesOf('signing.decided').map(({ requestId }) => requestId)).toEqual([undefined, 'approved'])
    expect(linesOf('signing.ended').map(({ requestId }) => requestId)).toEqual([undefined, 'approved'])
    expect((await store.verifyAudit()).records).toBe(before.length + after.length)
  })

  it('is nobody any more once it is over, whatever it left behind', async () => {
    const left = await causedBy('gone', () => Promise.resolve({ later: turn().then(causingRequest) }))
    expect(await left.later).toBeUndefined()
    expect(await causedBy('here', () => turn().then(causingRequest))).toBe('here')
    expect(await causedBy('outer', () => causedBy(undefined, () => Promise.resolve(causingRequest())))).toBeUndefined()
  })
})
