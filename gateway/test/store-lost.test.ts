import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { close, inFreshFolders, open, path, storageKey, store } from './fresh-store.ts'
import { takenManifest } from './release/signed-manifest.ts'
import { audit, change, keyId, record } from './store-changes.ts'

inFreshFolders()

const reopen = () => openStore({ path, storageKey })
const enclaveId = EnclaveId.parse('enclave-0')
const { identity } = record.certificate.body.roster.skeleton.participants[0]!.host
const root = { identity, sealedRoot: 'AAAA' }
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8)

/** A process with the database open, which has written something. */
async function another(): Promise<ChildProcess> {
  const child = fork(new URL('./store-writer.ts', import.meta.url), [path], {
    execArgv: ['--conditions=source', '--no-warnings'],
  })
  await once(child, 'message')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('a database that is lost', () => {
  it('is not replaced when its file is not there, and nothing is left behind', async () => {
    await expect(reopen()).rejects.toThrow(`${path}: there is no database`)
    expect(existsSync(path)).toBe(false)
  })

  it('is not replaced when its file is empty', async () => {
    await open()
    await close()
    truncateSync(path, 0)
    await expect(reopen()).rejects.toThrow(`${path}: the database is empty`)
    expect(statSync(path).size).toBe(0)
  })

  it('is not replaced when its file holds none', async () => {
    writeFileSync(path, 'x'.repeat(10_000))
    await expect(reopen()).rejects.toThrow(path)
  })

  it('is not opened without the WAL that a crash has left', async () => {
    await kill(await another())
    rmSync(`${path}-wal`)
    await expect(reopen()).rejects.toThrow(`${path}-wal: is lost`)
    await expect(reopen()).rejects.toThrow('is lost')
    rmSync(`${path}-lock`)
    await open()
  })

  it('opens after a crash with its WAL, and after an end without one', async () => {
    await kill(await another())
    for (let lives = 0; lives < 2; lives += 1) {
      await open()
      await close()
      expect(existsSync(`${path}-wal`)).toBe(false)
    }
  })
})

describe('the file of a database that is open', () => {
  it('has its roots, keys and manifests in itself, when it is copied alone', async () => {
    await open()
    await store!.saveEnclaveRoot(enclaveId, root)
    await store!.saveManifests(enclaveId, [await takenManifest(1, 0, 10)], audit('manifest.taken'))
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    const copy = `${path}.copy`
    cpSync(path, copy)
    const kept = await openStore({ path: copy, storageKey })
    expect(await kept.loadKey(keyId)).toEqual(record)
    expect(await kept.loadEnclaveRoot(enclaveId)).toEqual(root)
    expect(await kept.loadManifests(enclaveId)).toHaveLength(1)
    await kept.close()
  })

  it('is for its owner alone, with all that stands beside it, also when it was not', async () => {
    await open()
    await close()
    chmodSync(path, 0o644)
    await open()
    await store!.save(change('a', 0))
    const beside = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)))
    expect(beside.sort()).toEqual(['gateway.db', 'gateway.db-lock', 'gateway.db-shm', 'gateway.db-wal'])
    for (const file of ['', '-lock', '-shm', '-wal']) expect([file, mode(path + file)]).toEqual([file, '600'])
  })

  it('is refused to another process, which says why, until the first one dies', async () => {
    const child = await another()
    await expect(reopen()).rejects.toThrow(`${path}: another process has this database open`)
    await kill(child)
    await open()
  })
})
