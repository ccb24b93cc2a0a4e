import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EnclaveId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { beforeEach, describe, expect, it } from 'vitest'
import { bunkerRecord, saveRequest } from './check-bunkers.ts'
import { run } from '../src/cli/program.ts'
import { openStore } from '../src/store/open-store.ts'
import { close, inFreshFolders, open, path, storageKey, store } from './fresh-store.ts'
import { audit, change, keyId, record } from './store-changes.ts'

inFreshFolders()

let keyFile: string
const beside = (name: string) => join(dirname(path), name)
beforeEach(() => {
  keyFile = beside('storage.key')
  writeFileSync(keyFile, Buffer.from(storageKey).toString('hex'), { mode: 0o600 })
})

type Ran = Readonly<{ code: number; said: string; complained: string }>

/** Runs a command line as an operator does, in the environment of the gateway. */
async function gateway(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const lines = { said: '', complained: '' }
  const code = await run(args, {
    env: { QUORATE_DATABASE: path, QUORATE_STORAGE_KEY_FILE: keyFile, ...env },
    say: (line) => void (lines.said += `${line}\n`),
    complain: (line) => void (lines.complained += `${line}\n`),
  })
  return { code, ...lines }
}

/** The same in a process of its own. */
async function elsewhere(...args: string[]): Promise<Ran> {
  const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
  const env = { QUORATE_DATABASE: path, QUORATE_STORAGE_KEY_FILE: keyFile }
  const child = spawn(process.execPath, ['--conditions=source', '--no-warnings', main, ...args], { env })
  const lines = { said: '', complained: '' }
  child.stdout.on('data', (chunk: Buffer) => (lines.said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (lines.complained += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...lines }
}

const made = { step: 'made', record } as const

/** A key and so many audit records, in a store that stays open. */
async function written(records: number): Promise<void> {
  await open()
  await store!.save(change('a', 0, { key: made, audit: [audit('e0')], durable: true }))
  for (let at = 1; at < records; at += 1) await store!.save(change('a', at, { audit: [audit(`e${at}`)] }))
}

function tamper(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

describe('the command line', () => {
  it('says its version and its help, and what it was used wrongly for', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await elsewhere('--version')).toEqual({ code: 0, said: `${version}\n`, complained: '' })
    const help = await gateway(['--help'])
    expect(help.code).toBe(0)
    for (const command of ['init', 'backup', 'restore', 'verify-audit', 'archive-audit', 'rotate-key'])
      expect(help.said).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect((await gateway(['polish'])).code).toBe(2)
    const nowhere = await gateway(['verify-audit'], { QUORATE_DATABASE: '' })
    expect(nowhere).toMatchObject({ code: 2, complained: expect.stringContaining('--database') as string })
  })

  it('names the setting and the file when the storage key is not there, or is none', async () => {
    await written(1)
    rmSync(keyFile)
    expect((await gateway(['verify-audit'])).complained).toContain(
      `QUORATE_STORAGE_KEY_FILE: ${keyFile}: there is no such`,
    )
    const other = beside('other.key')
    writeFileSync(other, 'CANARY', { mode: 0o600 })
    const { code, complained } = await gateway(['verify-audit', '--storage-key', other])
    expect([code, complained]).toEqual([1, `--storage-key: ${other}: expected 32 bytes as hex\n`])
  })
})

describe('init', () => {
  it('makes a database and a storage key for their owner alone, once', async () => {
    rmSync(keyFile)
    expect((await gateway(['init'])).code).toBe(0)
    for (const file of [path, keyFile]) expect(statSync(file).mode & 0o777).toBe(0o600)
    const key = readFileSync(keyFile, 'utf8')
    expect(key).toMatch(/^[0-9a-f]{64}\n$/)
    const opened = await openStore({ path, storageKey: Buffer.from(key.trim(), 'hex') })
    await opened.close()
    expect(await gateway(['init'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('there already') as string,
    })
    expect(readFileSync(keyFile, 'utf8')).toBe(key)
  })

  it('draws no storage key for a database that is there', async () => {
    await written(1)
    rmSync(keyFile)
    expect((await gateway(['init'])).code).toBe(1)
    expect(existsSync(keyFile)).toBe(false)
  })
})

describe('a backup', () => {
  it('is taken while the gateway writes, opens under the storage key, and brings back what was lost', async () => {
    await written(3)
    const backup = beside('backup.db')
    const [taken] = await Promise.all([elsewhere('backup', backup), store!.save(change('b', 0))])
    expect(taken).toMatchObject({ code: 0, complained: '' })
    expect(taken.said).toContain('keys 1, with 1 epochs')
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(backup)).filter((name) => name.startsWith('backup'))).toEqual(['backup.db'])
    const { head } = await store!.verifyAudit()
    await close()
    for (const file of ['', '-wal', '-shm', '-lock']) rmSync(path + file, { force: true })

    const checked = await gateway(['restore', '--check', backup])
    expect(checked.code).toBe(0)
    expect(checked.said).toContain(`audit chain: 3 records after 0 archived, head ${head}`)
    expect(existsSync(path)).toBe(false)
    expect((await gateway(['restore', backup])).code).toBe(0)
    await open()
    expect(await store!.loadKey(keyId)).toEqual(record)
    expect(await store!.verifyAudit()).toEqual({ records: 3, archived: 0, head })
  })

  it('is not written over a file, and not put in the place of a database that a gateway has open', async () => {
    await written(1)
    const backup = beside('backup.db')
    expect((await gateway(['backup', backup])).code).toBe(0)
    expect(await gateway(['backup', backup])).toMatchObject({ code: 1, complained: `${backup}: is there already\n` })
    const { code, complained } = await elsewhere('restore', backup)
    expect([code, complained]).toEqual([1, expect.stringContaining('another process has this database open')])
  })

  it.each([
    ['has more audit records', () => store!.saveManifests(EnclaveId.parse('enclave-0'), [], audit('later')), 3],
    ['has a session that was saved later', () => store!.save(change('b', 0)), 2],
  ])('is put in the place of a database that %s only when told so, and that one is kept', async (_, later, records) => {
    await written(2)
    const backup = beside('backup.db')
    await gateway(['backup', backup])
    await close()
    // The same database is older than nothing.
    expect((await gateway(['restore', backup])).code).toBe(0)
    await open()
    // Sessions are dated in ms.
    const begun = Date.now()
    while (Date.now() === begun);
    await later()
    await close()
    const refused = await gateway(['restore', backup])
    expect(refused).toMatchObject({ code: 1, complained: expect.stringContaining('--over-newer') as string })
    const told = await gateway(['restore', '--over-newer', backup])
    expect(told.code).toBe(0)
    const aside = /kept as (.+)/.exec(told.said)?.[1] ?? ''
    const kept = await openStore({ path: aside, storageKey })
    expect((await kept.verifyAudit()).records).toBe(records)
    expect((await kept.loadSession('keygen', 'b')) === null).toBe(records === 3)
    await kept.close()
    await open()
    expect((await store!.verifyAudit()).records).toBe(2)
  })

  it('is put in the place of a database whose WAL is lost, and of one that cannot be read', async () => {
    await written(2)
    const backup = beside('backup.db')
    await gateway(['backup', backup])
    await close()
    // As a process that was killed leaves it.
    const lock = new Database(`${path}-lock`)
    lock.pragma('user_version = 1')
    lock.close()
    await expect(open()).rejects.toThrow('is lost')
    expect((await gateway(['restore', backup])).code).toBe(0)
    await open()
    await close()
    writeFileSync(path, 'x'.repeat(5_000))
    expect((await gateway(['restore', backup])).code).toBe(0)
    await open()
    expect(await store!.loadKey(keyId)).toEqual(record)
  })

  it.each([
    ['a row of it is damaged', 'UPDATE keys SET blob = zeroblob(60)', `damaged: keys/${keyId}@1`],
    ['its audit chain is broken', 'DELETE FROM audit WHERE seq = 2', 'audit chain: broken'],
    ['it is of another storage key', "UPDATE meta SET blob = zeroblob(60) WHERE name = 'key'", 'does not open this'],
  ])('is told to be no good, and is not restored, when %s', async (_, sql, said) => {
    await written(3)
    await close()
    tamper(sql)
    const backup = beside('backup.db')
    // Such a database is copied nevertheless: it may be all that there is.
    expect(await gateway(['backup', backup])).toMatchObject({ code: 1 })
    const checked = await gateway(['restore', '--check', backup])
    expect(checked).toMatchObject({ code: 1, complained: expect.stringContaining(said) as string })
    rmSync(path)
    expect((await gateway(['restore', backup])).code).toBe(1)
    expect(existsSync(path)).toBe(false)
  })
})

describe('verify-audit', () => {
  it('checks the whole chain beside a gateway that runs, and says where it breaks', async () => {
    await written(3)
    const { records, head } = await store!.verifyAudit()
    const good = await elsewhere('verify-audit')
    expect(good).toEqual({
      code: 0,
      said: `audit chain: ${records} records after 0 archived, head ${head}\n`,
      complained: '',
    })
    tamper('UPDATE audit SET hash = zeroblob(32) WHERE seq = 2')
    expect(await gateway(['verify-audit'])).toEqual({
      ...{ code: 1, said: '', complained: `${path}: the audit chain breaks at audit/2\n` },
    })
  })
})

describe('archive-audit', () => {
  const [one, two] = ['audit-1.jsonl', 'audit-2.jsonl']

  it('moves old records into files that still verify, and the chain goes on after them', async () => {
    await written(5)
    const before = await store!.verifyAudit()
    expect((await elsewhere('archive-audit', beside(one), '--keep', '2')).code).toBe(0)
    expect(await store!.verifyAudit()).toEqual({ records: 2, archived: 3, head: before.head })
    await store!.save(change('a', 5, { audit: [audit('e5')] }))
    expect((await gateway(['archive-audit', beside(two), '--keep', '0'])).code).toBe(0)
    await store!.save(change('a', 6, { audit: [audit('e6')] }))
    const after = await store!.verifyAudit()
    expect(after).toMatchObject({ records: 1, archived: 6 })
    expect(await store!.checkAudit(10)).toEqual(after)
    const verified = await gateway(['verify-audit', beside(one), beside(two)])
    expect(verified).toMatchObject({ code: 0, complained: '' })
    expect(verified.said).toContain(`${beside(one)}: 3 records, to 3`)
    expect(statSync(beside(one)).mode & 0o777).toBe(0o600)
    expect((await gateway(['archive-audit', beside('three')])).said).toContain('nothing to archive')
    expect(existsSync(beside('three'))).toBe(false)
  })

  it('leaves a chain that no more verifies without its anchor, with records before it, or with an archive too few', async () => {
    await written(4)
    tamper('CREATE TABLE kept AS SELECT * FROM audit WHERE seq <= 2')
    await gateway(['archive-audit', beside(one), '--keep', '2'])
    await gateway(['archive-audit', beside(two), '--keep', '1'])
    expect((await gateway(['verify-audit', beside(one), beside(two)])).code).toBe(0)
    for (const some of [[beside(one)], [beside(two)], [beside(two), beside(one)]])
      expect((await gateway(['verify-audit', ...some])).code).toBe(1)
    await close()
    tamper('INSERT INTO audit SELECT * FROM kept')
    expect((await gateway(['verify-audit'])).code).toBe(1)
    tamper("DELETE FROM audit WHERE seq <= 2; DELETE FROM meta WHERE name = 'audit'")
    expect((await gateway(['verify-audit'])).code).toBe(1)
  })

  it.each([
    ['a record was altered', (text: string) => text.replace('e1', 'e9'), 'line 3'],
    ['a record was left out', (text: string) => text.replace(/.*e1.*\n/, ''), 'line 3'],
    ['its end was cut off', (text: string) => text.replace(/.*e2.*\n/, ''), 'the archives end with record 2'],
  ])('writes a file that does not verify when %s', async (_, change, said) => {
    await written(4)
    await gateway(['archive-audit', beside(one), '--keep', '1'])
    writeFileSync(beside(one), change(readFileSync(beside(one), 'utf8')))
    expect(await gateway(['verify-audit', beside(one)])).toMatchObject({
      ...{ code: 1, complained: expect.stringContaining(said) as string },
    })
  })

  it('removes nothing when the chain is broken', async () => {
    await written(4)
    tamper('UPDATE audit SET hash = zeroblob(32) WHERE seq = 2')
    expect((await gateway(['archive-audit', beside(one), '--keep', '0'])).code).toBe(1)
    expect(existsSync(beside(one))).toBe(false)
    tamper('CREATE TABLE counted AS SELECT count(*) AS n FROM audit')
    const db = new Database(path)
    expect(db.prepare('SELECT n FROM counted').pluck().get()).toBe(4)
    db.close()
  })
})

describe('rotate-key', () => {
  const next = () => beside('next.key')

  it('seals every row under a new key, and the old one opens nothing any more', async () => {
    await written(3)
    await gateway(['archive-audit', beside('audit.jsonl'), '--keep', '1'])
    await store!.saveBunker(keyId, 0, bunkerRecord('a'))
    await saveRequest(store!, 1, 0, { name: 'taken' })
    const before = await store!.verifyAudit()
    await close()
    expect((await gateway(['rotate-key', next()])).code).toBe(0)
    expect(statSync(next()).mode & 0o777).toBe(0o600)
    await expect(openStore({ path, storageKey })).rejects.toThrow('the storage key does not open this database')
    const storageKey2 = Buffer.from(readFileSync(next(), 'utf8').trim(), 'hex')
    const rotated = await openStore({ path, storageKey: storageKey2 })
    expect(await rotated.loadKey(keyId)).toEqual(record)
    expect((await rotated.claim('gateway', 1)).sessions.map(({ id }) => id)).toEqual(['a'])
    expect(await rotated.verifyAudit()).toEqual(before)
    expect(await rotated.loadBunkers()).toEqual([{ keyId, version: 1, record: bunkerRecord('a') }])
    expect(await rotated.openClientRequests(Date.now() + 1)).toHaveLength(1)
    expect(await rotated.loadBunkerLog(keyId, 0, 9)).toHaveLength(1)
    await rotated.close()
    expect((await gateway(['rotate-key', next()])).said).toContain('already')
  })

  it('leaves no row under the old key in the file', async () => {
    await written(1)
    await close()
    const db = new Database(path, { readonly: true })
    const mark = db.prepare<[], Buffer>('SELECT blob FROM keys').pluck().get()!.subarray(20, 60)
    db.close()
    expect(readFileSync(path).includes(mark)).toBe(true)
    await gateway(['rotate-key', next()])
    for (const file of readdirSync(dirname(path))) expect(readFileSync(beside(file)).includes(mark)).toBe(false)
  })

  it('changes nothing when a row does not open, nor while a gateway runs', async () => {
    await written(1)
    expect((await elsewhere('rotate-key', next())).complained).toContain('another process has this database open')
    await close()
    tamper('UPDATE audit SET blob = zeroblob(60)')
    expect(await gateway(['rotate-key', next()])).toMatchObject({ code: 1 })
    await open()
    expect(await store!.loadKey(keyId)).toEqual(record)
  })

  it('leaves a database that opens under one of both keys, whenever it is killed', { timeout: 120_000 }, async () => {
    await written(200)
    await close()
    const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
    const env = { QUORATE_DATABASE: path, QUORATE_STORAGE_KEY_FILE: keyFile }
    const rotate = ['--conditions=source', '--no-warnings', main, 'rotate-key', next()]
    const child = spawn(process.execPath, rotate, { env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    // The WAL grows: the transaction is under way, or has just been committed.
    while (child.exitCode === null && !(existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0))
      await new Promise(setImmediate)
    child.kill('SIGKILL')
    await ended
    const keys = [storageKey, Buffer.from(readFileSync(next(), 'utf8').trim(), 'hex')]
    const opened = await Promise.allSettled(keys.map((key) => openStore({ path, storageKey: key })))
    const stores = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(stores).toHaveLength(1)
    expect((await stores[0]!.verifyAudit()).records).toBe(200)
    expect(await stores[0]!.loadKey(keyId)).toEqual(record)
    await stores[0]!.close()
  })
})
