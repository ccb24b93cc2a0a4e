import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import { isAllowed } from '../src/nostr/allowed.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-config-'))
const keyFile = join(folder, 'storage.key')
writeFileSync(keyFile, `${'ab'.repeat(32)}\n`, { mode: 0o600 })
afterAll(() => rmSync(folder, { recursive: true }))

const least = {
  QUORATE_DATABASE: 'x.db',
  QUORATE_STORAGE_KEY_FILE: keyFile,
  QUORATE_ENCLAVES: 'enclave-0=unix:/run/e0.sock,enclave-1=tcp:127.0.0.1:5001',
}

it('has defaults for what can have them', () => {
  const config = readConfig({ ...least, PATH: '/bin' })
  expect(config.listen).toEqual({ host: '127.0.0.1', port: 3000 })
  expect(config.metricsListen).toEqual({ host: '127.0.0.1', port: 9464 })
  expect(config.publicUrl).toBeNull()
  expect(Buffer.from(config.storageKey).toString('hex')).toBe('ab'.repeat(32))
  expect([...config.enclaves]).toEqual([
    ['enclave-0', { kind: 'unix', path: '/run/e0.sock' }],
    ['enclave-1', { kind: 'tcp', host: '127.0.0.1', port: 5001 }],
  ])
  expect(config).toMatchObject({ rateLimit: 600, trustedProxies: 0, corsOrigin: null, roundTimeoutMs: 2_000 })
  expect(config.manifest).toBeNull()
  expect(config.name).toBe('gateway')
  expect(config).toMatchObject({ relays: new Set(), nostrKey: null })
})

it('takes an IPv6 address and drops the slash at the end of the public URL', () => {
  const config = readConfig({ ...least, QUORATE_LISTEN: '[::1]:80', QUORATE_PUBLIC_URL: 'https://q.example/' })
  expect(config.listen).toEqual({ host: '::1', port: 80 })
  expect(config.publicUrl).toBe('https://q.example')
})

it('takes addresses in any spelling, and writes them as clients and browsers do', () => {
  const typed = { QUORATE_PUBLIC_URL: 'HTTPS://Sign.Example:443/Q/', QUORATE_CORS_ORIGIN: 'https://App.Example:443/' }
  const config = readConfig({ ...least, ...typed })
  expect(config).toMatchObject({ publicUrl: 'https://sign.example/Q', corsOrigin: new Set(['https://app.example']) })
  expect(config.idleTimeoutMs).toBeGreaterThan(60_000)
})

it('asks for HTTPS alone only where the operator says so, and where there is HTTPS', () => {
  const hsts = { QUORATE_HSTS: 'max-age=31536000; includeSubDomains' }
  expect(readConfig(least).hsts).toBeNull()
  expect(readConfig({ ...least, ...hsts, QUORATE_PUBLIC_URL: 'https://q.example' }).hsts).toBe(hsts.QUORATE_HSTS)
  for (const address of [{}, { QUORATE_PUBLIC_URL: 'http://q.example' }])
    expect(() => readConfig({ ...least, ...hsts, ...address })).toThrow('QUORATE_HSTS: wants a QUORATE_PUBLIC_URL')
})

it('takes origins in a list, and one of any port', () => {
  const originsOf = (QUORATE_CORS_ORIGIN: string) => readConfig({ ...least, QUORATE_CORS_ORIGIN }).corsOrigin
  expect(originsOf('*')).toBe('*')
  const typed = 'https://app.example, HTTP://LocalHost:*,http://[::1]:*'
  expect(originsOf(typed)).toEqual(new Set(['https://app.example', 'http://localhost:*', 'http://[::1]:*']))
})

it.each([
  ['QUORATE_RATE_LIMITS', '5', 'QUORATE_RATE_LIMITS: no such variable'],
  ['QUORATE_RATE_LIMIT', 'CANARY', 'QUORATE_RATE_LIMIT'],
  ['QUORATE_RATE_LIMIT', '0', 'QUORATE_RATE_LIMIT'],
  ['QUORATE_LISTEN', 'CANARY', 'QUORATE_LISTEN: expected HOST:PORT'],
  ['QUORATE_LISTEN', '127.0.0.1:70000', 'QUORATE_LISTEN'],
  ['QUORATE_PUBLIC_URL', 'ftp://CANARY', 'QUORATE_PUBLIC_URL: expected http:// or https://'],
  ['QUORATE_PUBLIC_URL', 'CANARY.example', 'QUORATE_PUBLIC_URL: expected an address like'],
  ['QUORATE_PUBLIC_URL', 'https://a:CANARY@q.example', 'QUORATE_PUBLIC_URL: expected no user name'],
  ['QUORATE_CORS_ORIGIN', 'https://app.example/CANARY', 'QUORATE_CORS_ORIGIN: expected an origin, which has no path'],
  ['QUORATE_CORS_ORIGIN', 'https://app.example,', 'QUORATE_CORS_ORIGIN: expected an address like'],
  ['QUORATE_CORS_ORIGIN', '*:*', 'QUORATE_CORS_ORIGIN: expected an address like'],
  ['QUORATE_CORS_ORIGIN', 'https://CANARY/x:*', 'QUORATE_CORS_ORIGIN: expected an origin, which has no path'],
  ['QUORATE_CORS_ORIGIN', 'CANARY', 'QUORATE_CORS_ORIGIN: expected an address like'],
  ['QUORATE_HSTS', 'CANARY', 'QUORATE_HSTS: expected max-age=SECONDS'],
  ['QUORATE_HSTS', 'max-age=1; preload', 'QUORATE_HSTS: expected max-age=SECONDS'],
  ['QUORATE_ENCLAVES', 'a=tcp:CANARY', 'tcp:HOST wants a port'],
  ['QUORATE_ENCLAVES', 'a=hybrid:/CANARY', 'hybrid:PATH wants a port'],
  ['QUORATE_ENCLAVES', '', 'QUORATE_ENCLAVES'],
  ['QUORATE_ENCLAVES', 'a=unix:/x,a=unix:/y', 'QUORATE_ENCLAVES'],
  ['QUORATE_ENCLAVES', 'unix:/x', 'QUORATE_ENCLAVES'],
  ['QUORATE_ENCLAVES', 'a=http://CANARY', 'QUORATE_ENCLAVES'],
  ['QUORATE_GATEWAY_NAME', 'CANARY CANARY', 'QUORATE_GATEWAY_NAME'],
  ['QUORATE_LOG_LEVEL', 'loud', 'QUORATE_LOG_LEVEL'],
])('refuses %s=%s by its name', (name, value, said) => {
  let message = ''
  try {
    readConfig({ ...least, [name]: value })
  } catch (reason) {
    message = (reason as Error).message
  }
  expect(message).toContain(said)
  expect(message).not.toContain('CANARY')
})

it.each(['0.0.0.0:3000', '[::]:3000'])('asks for the public URL when it listens on %s', (listen) => {
  expect(() => readConfig({ ...least, QUORATE_LISTEN: listen })).toThrow('QUORATE_PUBLIC_URL: must be set')
  expect(
    readConfig({ ...least, QUORATE_LISTEN: listen, QUORATE_PUBLIC_URL: 'https://q.example' }).publicUrl,
  ).not.toBeNull()
})

it('names every variable that is missing', () => {
  expect(() => readConfig({})).toThrow(/QUORATE_DATABASE: must be set[^]*QUORATE_STORAGE_KEY_FILE[^]*QUORATE_ENCLAVES/)
})

it.each([
  ['is not there', 'absent.key', 'there is no such file'],
  ['is a folder', '.', 'cannot be read'],
])('names the file of the storage key when it %s', (_, name, said) => {
  const path = join(folder, name)
  const read = () => readConfig({ ...least, QUORATE_STORAGE_KEY_FILE: path })
  expect(read).toThrow(`QUORATE_STORAGE_KEY_FILE: ${path}: `)
  expect(read).toThrow(said)
})

it('does not use a storage key that others may read, or that is none', () => {
  const open = join(folder, 'open.key')
  writeFileSync(open, 'cd'.repeat(32))
  chmodSync(open, 0o644)
  expect(() => readConfig({ ...least, QUORATE_STORAGE_KEY_FILE: open })).toThrow('chmod 600')
  const short = join(folder, 'short.key')
  writeFileSync(short, 'cafe', { mode: 0o600 })
  expect(() => readConfig({ ...least, QUORATE_STORAGE_KEY_FILE: short })).toThrow('expected 32 bytes as hex')
})

it('takes relays by their addresses, or any that speaks TLS, and connects to no other', () => {
  const relaysOf = (QUORATE_RELAYS: string) => readConfig({ ...least, QUORATE_RELAYS }).relays
  const listed = relaysOf('wss://Relay.example, ws://127.0.0.1:7777/path')
  const allowed = ['wss://relay.example', 'wss://relay.example/', 'wss://relay.example:443', 'ws://127.0.0.1:7777/path']
  expect(allowed.map((relay) => isAllowed(listed, relay))).toEqual([true, true, true, true])
  for (const relay of ['wss://relay.example/other', 'ws://relay.example', 'wss://other.example', 'ws://127.0.0.1:7777'])
    expect(isAllowed(listed, relay)).toBe(false)
  const any = relaysOf('*')
  expect(['wss://any.example', 'ws://any.example', 'none'].map((relay) => isAllowed(any, relay))).toEqual([
    true,
    false,
    false,
  ])
  expect(isAllowed(readConfig(least).relays, 'wss://relay.example')).toBe(false)
  for (const wrong of [
    'https://relay.example',
    'wss://user:pass@relay.example',
    'wss://a.example,',
    '*,wss://a.example',
  ])
    expect(() => relaysOf(wrong)).toThrow('QUORATE_RELAYS: expected relays')
})
