import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { bunkerRecord, saveRequest } from './check-bunkers.ts'
import { close, inFreshFolders, open, path, storageKey, store } from './fresh-store.ts'
import { takenManifest } from './release/signed-manifest.ts'
import { audit, change, keyId, record, state } from './store-changes.ts'

inFreshFolders()

const other = KeyId.parse('cd'.repeat(16))

/** Does what an operator with the file, and without the key, can do. */
function tamper(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

describe('what is at rest', () => {
  it('does not show what it holds', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await store!.saveBunker(keyId, 0, bunkerRecord('marker'))
    await saveRequest(store!, 1, 0, { name: 'taken' })
    await close()
    const db = new Database(path)
    const tables = ['sessions', 'keys', 'bunkers', 'client_requests', 'bunker_log']
    const blobs = tables.flatMap((table) => db.prepare<[], Buffer>(`SELECT blob FROM ${table}`).pluck().all())
    db.close()
    expect(blobs).toHaveLength(tables.length)
    for (const blob of blobs) expect(blob.toString('latin1')).not.toMatch(/marker|certificate|pubkey|sealed/)
  })

  it('does not open under another storage key', async () => {
    await open()
    await close()
    await expect(openStore({ path, storageKey: new Uint8Array(32) })).rejects.toThrow('storage key')
  })

  it('is refused when a later version of the gateway has been there', async () => {
    await open()
    await close()
    tamper('PRAGMA user_version = 99')
    await expect(openStore({ path, storageKey })).rejects.toThrow('later version')
  })

  it('is the same after it has been opened, and migrated, again', async () => {
    await open()
    await store!.save(change('a', 0))
    await close()
    await open()
    expect((await store!.loadSession('keygen', 'a'))?.state).toEqual(state('a@1'))
  })

  it.each([
    ['moved to another row', "UPDATE sessions SET blob = (SELECT blob FROM sessions WHERE id = 'b') WHERE id = 'a'"],
    ['given another version', "UPDATE sessions SET version = 7 WHERE id = 'a'"],
    ['given to another key', `UPDATE sessions SET key_id = '${other}' WHERE id = 'a'`],
    ['cut', "UPDATE sessions SET blob = substr(blob, 1, 20) WHERE id = 'a'"],
    ['emptied', "UPDATE sessions SET blob = x'' WHERE id = 'a'"],
    ['of another format', "UPDATE sessions SET blob = CAST(x'02' || substr(blob, 2) AS BLOB) WHERE id = 'a'"],
  ])('is refused when it was %s, and what else is there still opens', async (_, sql) => {
    await open()
    await store!.save(change('a', 0))
    await store!.save(change('b', 0))
    await close()
    tamper(sql)
    await open()
    await expect(store!.loadSession('keygen', 'a')).rejects.toMatchObject({ code: 'store.damaged' })
    expect((await store!.claim('gateway', 0)).sessions.map(({ id }) => id)).toEqual(['b'])
  })

  it.each(['signing', 'refresh'] as const)('of a keygen is refused as a %s, wherever it stands', async (kind) => {
    await open()
    await store!.save(change('a', 0))
    await store!.save(change('a', 0, { kind }))
    await close()
    tamper(`UPDATE sessions SET blob = (SELECT blob FROM sessions WHERE kind = 'keygen') WHERE kind = '${kind}'`)
    await open()
    await expect(store!.loadSession(kind, 'a')).rejects.toMatchObject({ code: 'store.damaged' })
    await close()
    tamper(`DELETE FROM sessions WHERE kind = '${kind}'; UPDATE sessions SET kind = '${kind}'`)
    await open()
    await expect(store!.loadSession(kind, 'a')).rejects.toMatchObject({ code: 'store.damaged' })
    expect((await store!.claim('gateway', 0)).sessions).toEqual([])
  })

  it('is refused in another table', async () => {
    const enclave = EnclaveId.parse('enclave-0')
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await store!.saveManifests(enclave, [await takenManifest(1, 0, 10)], audit('manifest.taken'))
    await close()
    tamper(
      `INSERT INTO enclaves SELECT enclave_id, 1, blob FROM manifests; UPDATE keys SET blob = (SELECT blob FROM sessions)`,
    )
    await open()
    await expect(store!.loadEnclaveRoot(enclave)).rejects.toMatchObject({ code: 'store.damaged' })
    await expect(store!.loadKey(keyId)).rejects.toMatchObject({ code: 'store.damaged' })
  })

  it('is refused when an older blob was put back under the version of a newer one', async () => {
    await open()
    await store!.save(change('a', 0))
    await close()
    tamper('CREATE TABLE kept AS SELECT blob FROM sessions')
    await open()
    await store!.save(change('a', 1))
    await close()
    tamper('UPDATE sessions SET blob = (SELECT blob FROM kept)')
    await open()
    await expect(store!.loadSession('keygen', 'a')).rejects.toMatchObject({ code: 'store.damaged' })
  })

  it('is refused when the keys of two customers were swapped', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await close()
    tamper(`UPDATE keys SET key_id = '${other}'`)
    await open()
    await expect(store!.loadKey(other)).rejects.toMatchObject({ code: 'store.damaged' })
  })

  it('is refused when the manifests of one enclave were given to another', async () => {
    const [a, b] = [EnclaveId.parse('enclave-0'), EnclaveId.parse('enclave-1')]
    await open()
    await store!.saveManifests(a, [await takenManifest(1, 0, 10)], audit('manifest.taken'))
    tamper(`UPDATE manifests SET enclave_id = '${b}'`)
    await expect(store!.loadManifests(b)).rejects.toMatchObject({ code: 'store.damaged' })
  })
})

describe('the audit log', () => {
  const written = async (count: number) => {
    await open()
    for (let at = 0; at < count; at += 1)
      await store!.save(change('a', at, { audit: [audit(`e${at}`)], durable: true }))
  }

  it.each([
    ['a record was left out', 'DELETE FROM audit WHERE seq = 2'],
    ['the first was left out', 'DELETE FROM audit WHERE seq = 1'],
    ['a hash was altered', 'UPDATE audit SET hash = zeroblob(32) WHERE seq = 2'],
    ['two changed places', 'UPDATE audit SET seq = -seq; UPDATE audit SET seq = 4 + seq'],
    ['one was copied over another', 'UPDATE audit SET blob = (SELECT blob FROM audit WHERE seq = 1) WHERE seq = 2'],
  ])('does not verify when %s', async (_, sql) => {
    await written(3)
    await close()
    tamper(sql)
    await open()
    await expect(store!.verifyAudit()).rejects.toMatchObject({ code: 'store.damaged' })
  })
})
