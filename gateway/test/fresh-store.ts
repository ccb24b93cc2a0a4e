import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import type { Store } from '../src/store/store.ts'

export const storageKey = new Uint8Array(32).fill(7)

/** Where the store of the test that runs is, and the store when it is open. */
export let path: string
export let store: Store | null

/** Each test of a file that calls it has a folder of its own, and no store yet. */
export function inFreshFolders(): void {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
    path = join(folder, 'gateway.db')
    store = null
  })
  afterEach(async () => {
    await close()
    rmSync(folder, { recursive: true, force: true })
  })
}

export const openHandle = (): Promise<Store> => openStore({ path, storageKey })
export const open = async (): Promise<Store> => (store = await openHandle())
export const close = async (): Promise<void> => {
  await store?.close()
  store = null
}
