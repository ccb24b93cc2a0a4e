import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { LogLine } from '@quorate/shared/log-line'
import type { Config } from '../src/config.ts'
import { startGateway } from '../src/gateway.ts'
import { createLog } from '../src/log.ts'
import { startFakeEnclave } from './enclaves/fake-enclave.ts'
import { noticed, until } from '../../shared/test/noticing.js'

const folder = mkdtempSync(join(tmpdir(), 'quorate-gateway-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('keeps the roots of its enclaves across a restart of its own and of theirs', async () => {
  const fakes = await Promise.all(['enclave-0', 'enclave-1', 'enclave-2'].map(startFakeEnclave))
  const config: Config = {
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: { host: '127.0.0.1', port: 0 },
    publicUrl: null,
    name: 'gateway',
    database: join(folder, 'gateway.db'),
    storageKey: new Uint8Array(32).fill(7),
    enclaves: new Map(fakes.map((fake) => [fake.id, fake.address])),
    manifest: null,
    rateLimit: 10_000,
    trustedProxies: 0,
    corsOrigin: null,
    idleTimeoutMs: 130_000,
    roundTimeoutMs: 2_000,
    logLevel: 'silent',
  }
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

it('runs as a program of its own and ends on SIGTERM', async () => {
  const keyFile = join(folder, 'storage.key')
  writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 })
  const { child, output, ended } = run({
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_METRICS_LISTEN: '127.0.0.1:0',
    QUORATE_DATABASE: join(folder, 'program.db'),
    QUORATE_STORAGE_KEY_FILE: keyFile,
    QUORATE_ENCLAVES: `enclave-0=unix:${join(folder, 'nobody.sock')}`,
  })
  await until(() => output.out.includes('gateway.listening'), 'the gateway')
  const { url } = JSON.parse(output.out.split('\n').find((line) => line.includes('gateway.listening'))!) as {
    url: string
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})
