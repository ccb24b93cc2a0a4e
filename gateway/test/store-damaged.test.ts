import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { createLog } from '../src/log.ts'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { createStoreEvents } from '../src/store/store-events.ts'
import { sealedTables } from '../src/store/places.ts'
import { bunkerRecord, eventIdOf, saveRequest } from './check-bunkers.ts'
import { faults, inFreshFolders, open, openHandle, path, store } from './fresh-store.ts'
import { takenManifest } from './release/signed-manifest.ts'
import { audit, change, DAY, keyId, record, replyAt } from './store-changes.ts'

inFreshFolders()

const enclaveId = EnclaveId.parse('enclave-0')
const { identity } = record.certificate.body.roster.skeleton.participants[0]!.host

/** One row in every table, and then one bit of each of them that has turned. */
async function damaged(): Promise<void> {
  await open()
  await store!.save(change('a', 0, { key: { step: 'made', record }, audit: [audit('made')] }))
  await store!.saveEnclaveRoot(enclaveId, { identity, sealedRoot: 'AAAA' })
  await store!.saveManifests(enclaveId, [await takenManifest(1, 0, 10)], audit('manifest.taken'))
  await store!.saveReply(replyAt('route', 'CANARY'), { digest: 'd', status: 200, body: '{}' }, Date.now() + DAY)
  await store!.saveBunker(keyId, 0, bunkerRecord('a'))
  await saveRequest(store!, 1, 0, { name: 'answered', answer: null })
  const db = new Database(path)
  for (const table of Object.keys(sealedTables).filter((name) => name !== 'meta')) {
    const rows = db.prepare<[], { rowid: number; blob: Buffer }>(`SELECT rowid AS rowid, blob FROM ${table}`).all()
    for (const { rowid, blob } of rows) {
      blob[20]! ^= 1
      db.prepare(`UPDATE ${table} SET blob = ? WHERE rowid = ?`).run(blob, rowid)
    }
  }
  db.close()
}

const reads: Record<string, [read: () => Promise<unknown>, fault: object]> = {
  session: [() => store!.loadSession('keygen', 'a'), { table: 'sessions', row: `keygen/a/${keyId}@1` }],
  key: [() => store!.loadKey(keyId), { table: 'keys', row: `${keyId}@1` }],
  'key at an epoch': [() => store!.loadKeyAt(keyId, 0), { table: 'keys', row: `${keyId}@1` }],
  'list of epochs': [() => store!.epochs(keyId, 0, 9), { table: 'keys', row: `${keyId}@1` }],
  'root of an enclave': [() => store!.loadEnclaveRoot(enclaveId), { table: 'enclaves', row: 'enclave-0@1' }],
  'list of manifests': [() => store!.loadManifests(enclaveId), { table: 'manifests', row: 'enclave-0@1' }],
  'request of a program': [
    () => store!.loadClientRequest(eventIdOf(1)),
    { table: 'client_requests', row: `${eventIdOf(1)}/${keyId}@1` },
  ],
  'log of a bunker': [() => store!.loadBunkerLog(keyId, 0, 9), { table: 'bunker_log', row: `${keyId}/1@1` }],
  reply: [() => store!.loadReply('route', 'CANARY', Date.now()), { table: 'replies' }],
  'audit chain': [() => store!.verifyAudit(), { table: 'audit', row: '1@1' }],
  'end of the audit chain': [() => store!.checkAudit(1), { table: 'audit', row: '2@1' }],
}

describe('a row that is damaged', () => {
  it.each(Object.keys(reads))('is refused for ever by its own code, and named to the operator: %s', async (name) => {
    await damaged()
    const [read, fault] = reads[name]!
    await expect(read()).rejects.toMatchObject({ code: 'store.damaged' })
    expect(faults).toEqual([{ cause: 'damaged', ...fault }])
  })

  it('keeps no other session from being claimed, and is named', async () => {
    await damaged()
    await store!.save(change('b', 0))
    const heir = await openHandle()
    const { sessions } = await heir.claim('heir', Date.now() + DAY)
    expect(sessions.map(({ id }) => id)).toEqual(['b'])
    expect(faults).toEqual([{ cause: 'damaged', table: 'sessions', row: `keygen/a/${keyId}@1` }])
    await heir.close()
  })

  it('keeps no other bunker and no other open request from being served, and is named', async () => {
    await damaged()
    const other = KeyId.parse('cd'.repeat(16))
    await store!.saveBunker(other, 0, bunkerRecord('b'))
    expect((await store!.loadBunkers()).map(({ keyId }) => keyId)).toEqual([other])
    expect(faults.splice(0)).toEqual([{ cause: 'damaged', table: 'bunkers', row: `${keyId}@1` }])
    await saveRequest(store!, 2, 0, { name: 'taken' })
    const db = new Database(path)
    db.exec('UPDATE client_requests SET open = 1')
    db.close()
    expect((await store!.openClientRequests(Date.now() + 1)).map(({ eventId }) => eventId)).toEqual([eventIdOf(2)])
    expect(faults).toEqual([{ cause: 'damaged', table: 'client_requests', row: `${eventIdOf(1)}/${keyId}@1` }])
  })

  it('is a line of the log and a count of its table', async () => {
    const lines: string[] = []
    const registry = new Registry()
    const events = createStoreEvents(createLog('info', { write: (line: string) => void lines.push(line) }), registry)
    await damaged()
    await store!.loadKey(keyId).catch(() => undefined)
    for (const fault of faults) events.storeFaulted(fault)
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ cause: 'damaged', table: 'keys', row: `${keyId}@1`, event: 'store.fault' }),
    ])
    expect(await registry.metrics()).toContain('quorate_store_faults_total{cause="damaged",table="keys"} 1')
  })
})
