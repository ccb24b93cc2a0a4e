import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { StoreFault } from '../src/store/faults.ts'
import { makeDatabase } from '../src/store/make-database.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Store } from '../src/store/store.ts'

export const storageKey = new Uint8Array(32).fill(7)

/** Where the store of the test that runs is, and the store when it is open. */
export let path: string
export let store: Store | null
/** What went wrong in it. */
export let faults: StoreFault[]

/** Each test of a file that calls it has a folder of its own, and no store yet. */
export function inFreshFolders(): void {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
    path = join(folder, 'gateway.db')
    store = null
    faults = []
  })
  afterEach(async () => {
    await close()
    rmSync(folder, { recursive: true, force: true })
  })
}

export const openHandle = async (): Promise<Store> => {
  if (!existsSync(path)) await makeDatabase(path, storageKey)
  return openStore({ path, storageKey, onFault: (fault) => void faults.push(fault) })
}
export const open = async (): Promise<Store> => (store = await openHandle())
export const close = async (): Promise<void> => {
  await store?.close()
  store = null
}
