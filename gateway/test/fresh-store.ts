import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyId } from '@quorate/shared/wire/ids'
import { afterEach, beforeEach } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import type { Change, KeyRecord } from '../src/engine/ports.ts'
import type { Store } from '../src/store/store.ts'
import { keyRecord } from './key-record.ts'

export const storageKey = new Uint8Array(32).fill(7)
export const keyId = KeyId.parse('ab'.repeat(16))
export const DAY = 86_400_000

/** Where the store of the test that runs is, and the store when it is open. */
export let path: string
export let store: Store | null
/** A key that is made and can be kept. */
export let record: KeyRecord

/** Each test of a file that calls it has a folder of its own, and no store yet. */
export function inFreshFolders(): void {
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
    path = join(folder, 'gateway.db')
    store = null
    record = await keyRecord()
  })
  afterEach(async () => {
    await close()
    rmSync(folder, { recursive: true, force: true })
  })
}

export const open = async (): Promise<Store> => (store = await openStore({ path, storageKey }))
export const close = async (): Promise<void> => {
  await store?.close()
  store = null
}

/** The store looks into no state, so that a marker will do. */
export const state = (marker: string) => ({ marker })
export const change = (id: string, expected: number, more: Partial<Change> = {}): Change => ({
  kind: 'keygen',
  id,
  keyId,
  expected,
  state: state(`${id}@${expected + 1}`),
  ended: false,
  expiresAt: Date.now() + DAY,
  durable: false,
  ...more,
})
export const audit = (event: string) => ({ at: 1, event, keyId, sessionId: 's', detail: { event } })
