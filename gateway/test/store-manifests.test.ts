import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EnclaveId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import type { Store } from '../src/store/store.ts'
import { takenManifest } from './release/signed-manifest.ts'

const [a, b] = ['enclave-0', 'enclave-1'].map((id) => EnclaveId.parse(id)) as [EnclaveId, EnclaveId]
const taken = [await takenManifest(1, 0, 10), await takenManifest(2, 5, 15)]
const record = { at: 5, event: 'manifest.taken', detail: { enclaveId: a, serial: 2 } }

let folder: string
let path: string
let store: Store
const open = async () => (store = await openStore({ path, storageKey: new Uint8Array(32).fill(7) }))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
  path = join(folder, 'gateway.db')
  await open()
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

describe('the manifests that an enclave has taken', () => {
  it('are there again after a restart, with one audit record for each time that they changed', async () => {
    expect(await store.loadManifests(a)).toEqual([])
    await store.saveManifests(a, taken.slice(0, 1), record)
    await store.saveManifests(a, taken, record)
    await store.close()
    await open()
    expect(await store.loadManifests(a)).toEqual(taken)
    expect(await store.loadManifests(b)).toEqual([])
    expect((await store.verifyAudit()).records).toBe(2)
  })

  it('do not open as those of another enclave', async () => {
    await store.saveManifests(a, taken, record)
    const db = new Database(path)
    db.prepare('UPDATE manifests SET enclave_id = ?').run(b)
    db.close()
    await expect(store.loadManifests(b)).rejects.toMatchObject({ code: 'store.failed' })
  })
})
