import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EnclaveId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'
import { LogLine } from '@quorate/shared/log-line'
import { makeDatabase } from '../src/store/make-database.ts'
import { openStore } from '../src/store/open-store.ts'
import { startGateway } from '../src/gateway.ts'
import { createLog } from '../src/log.ts'
import { configFor } from './config-for.ts'
import { startFakeEnclave } from './enclaves/fake-enclave.ts'
import { noticed, until } from '../../shared/test/noticing.js'

const folder = mkdtempSync(join(tmpdir(), 'quorate-gateway-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('keeps the roots of its enclaves across a restart of its own and of theirs', async () => {
  const fakes = await Promise.all(['enclave-0', 'enclave-1', 'enclave-2'].map(startFakeEnclave))
  const config = configFor(join(folder, 'gateway.db'), fakes)
  await makeDatabase(config.database, config.storageKey)
  const start = async () => {
    const ready = new Set<unknown>()
    const write = (line: string) => {
      const { event, enclaveId } = LogLine.parse(JSON.parse(line))
      if (event === 'enclave.ready') ready.add(enclaveId)
      noticed()
    }
    const gateway = await startGateway(config, createLog('info', { write }))
    await until(() => ready.size === fakes.length, 'every enclave to be ready')
    const { enclaves } = (await (await fetch(`${gateway.url}/readyz`)).json()) as { enclaves: Record<string, string> }
    expect(Object.values(enclaves)).toEqual(['ready', 'ready', 'ready'])
    return gateway
  }
  const first = await start()
  const introduced = () => fakes.flatMap((fake) => fake.calls).filter(({ method }) => method === 'introduce').length
  await until(() => introduced() >= 6, 'introductions')
  const reply = await fetch(`${first.url}/api/v1/keygen/reserve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
    body: JSON.stringify({ scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob', 'carol'] }),
  })
  expect(reply.status).toBe(200)
  await first.close()

  for (const fake of fakes) {
    fake.calls.length = 0
    await fake.restart()
  }
  const second = await start()
  for (const fake of fakes)
    expect(fake.calls.find(({ method }) => method === 'boot')?.params).toEqual({ sealedRoot: 'c2VhbGVk' })
  await second.close()
  await until(() => fakes.every((fake) => fake.sockets.size === 0), 'the connections to be gone')
  await Promise.all(fakes.map((fake) => fake.stop()))
})

const run = (env: Record<string, string>) => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--conditions=source', '--no-warnings', main], { env, stdio: 'pipe' })
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    output.out += chunk.toString()
    noticed()
  })
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, output, ended }
}

it('says what its environment lacks, and does not start', async () => {
  const { output, ended } = run({ QUORATE_TYPO: '1' })
  expect(await ended).toBe(1)
  expect(output.err).toContain('QUORATE_DATABASE: must be set')
  expect(output.err).toContain('QUORATE_TYPO: no such variable')
})

/** The environment of a program over this database, whose storage key is 32 times 0xab. */
function program(database: string): Record<string, string> {
  const keyFile = join(folder, 'storage.key')
  writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 })
  return {
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_METRICS_LISTEN: '127.0.0.1:0',
    QUORATE_DATABASE: database,
    QUORATE_STORAGE_KEY_FILE: keyFile,
    QUORATE_ENCLAVES: `enclave-0=unix:${join(folder, 'nobody.sock')}`,
  }
}

it('runs as a program of its own and ends on SIGTERM', async () => {
  await makeDatabase(join(folder, 'program.db'), new Uint8Array(32).fill(0xab))
  const { child, output, ended } = run(program(join(folder, 'program.db')))
  await until(() => output.out.includes('gateway.listening'), 'the gateway')
  const { url } = JSON.parse(output.out.split('\n').find((line) => line.includes('gateway.listening'))!) as {
    url: string
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

it.each(['SIGTERM', 'SIGINT'] as const)('ends well when %s comes while it starts', async (signal) => {
  const [path, key] = [join(folder, `${signal}.db`), new Uint8Array(32).fill(0xab)]
  await makeDatabase(path, key)
  // It cannot begin its lease while another writes.
  const db = new Database(path)
  db.exec('BEGIN IMMEDIATE')
  const { child, output, ended } = run({ ...program(path), QUORATE_LOG_LEVEL: 'info' })
  await until(() => output.out.includes('audit.checked'), 'the store')
  child.kill(signal)
  expect(output.out).not.toContain('gateway.listening')
  db.exec('ROLLBACK')
  db.close()
  expect(await ended).toBe(0)
  expect(output.err).toBe('')
  const store = await openStore({ path, storageKey: key })
  await store.close()
})

it('counts its process by the names that dashboards know, and says what it is and how large its store', async () => {
  const config = configFor(join(folder, 'metrics.db'), [])
  await makeDatabase(config.database, config.storageKey)
  const store = await openStore({ path: config.database, storageKey: config.storageKey })
  for (const serial of [1, 2, 3])
    await store.saveManifests(EnclaveId.parse(`enclave-${serial}`), [], { at: 1, event: 'e', detail: {} })
  expect(await store.size()).toMatchObject({ audit: 3 })
  await store.close()
  const gateway = await startGateway(config, createLog('silent'))
  const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text()
  await gateway.close()
  const { size } = statSync(config.database)
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds'])
    expect(metrics).toMatch(new RegExp(`^${name} `, 'm'))
  expect(metrics).not.toMatch(/quorate_(process|nodejs)_/)
  expect(metrics).toContain(`quorate_build_info{version="0.1.0",node="${process.version}"} 1`)
  expect(metrics).toMatch(/^quorate_audit_height 3$/m)
  const bytes = Number(/^quorate_database_bytes\{file="database"\} (\d+)$/m.exec(metrics)?.[1])
  expect(bytes).toBeGreaterThan(4_096)
  expect(bytes).toBeLessThanOrEqual(size)
  expect(metrics).toMatch(/^quorate_database_bytes\{file="wal"\} \d+$/m)
})

it('says that its audit chain is broken, counts it, and serves nevertheless', async () => {
  const config = configFor(join(folder, 'audit.db'), [])
  await makeDatabase(config.database, config.storageKey)
  const store = await openStore({ path: config.database, storageKey: config.storageKey })
  const record = { at: 1, event: 'e', detail: {} }
  for (const serial of [1, 2, 3]) await store.saveManifests(EnclaveId.parse(`enclave-${serial}`), [], record)
  const { head } = await store.verifyAudit()
  await store.close()
  const start = async () => {
    let log = ''
    const gateway = await startGateway(config, createLog('info', { write: (line: string) => void (log += line) }))
    const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text()
    await gateway.close()
    return { log, metrics }
  }
  const good = await start()
  expect(good.log).toContain(head)
  expect(good.metrics).toContain('quorate_audit_intact 1')
  const db = new Database(config.database)
  db.exec('DELETE FROM audit WHERE seq = 2')
  db.close()
  const bad = await start()
  expect(bad.log).toMatch(/"level":"error"[^\n]*"event":"audit.broken"/)
  expect(bad.metrics).toContain('quorate_audit_intact 0')
  expect(bad.metrics).toContain('quorate_store_faults_total{cause="damaged",table="audit"} 1')
})

it('makes no database where one was lost, and says what to do', async () => {
  const path = join(folder, 'lost.db')
  const { output, ended } = run(program(path))
  expect(await ended).toBe(1)
  expect(output.err).toBe(
    `${path}: there is no database; a lost database comes back by \`quorate-gateway restore\`, a new gateway gets one by \`quorate-gateway init\`\n`,
  )
  expect(existsSync(path)).toBe(false)
})
