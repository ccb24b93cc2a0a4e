import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFleet, type Fleet } from '../src/fleet/fleet.ts'
import { untilWritten } from './support/log-watch.ts'

const state = mkdtempSync(join(tmpdir(), 'quorate-kms-'))
const source = new URL('./support/ailing-kms.ts', import.meta.url).pathname
const logPath = join(state, 'logs', 'gateway.log')

const isReadyLine = (line: string) => line.includes('"enclave-0"') && line.includes('"enclave.ready"')

type Listed = { enclaves: { id: string; state: string; identity: unknown }[] }
let fleet: Fleet
const list = async () => ((await (await fetch(`${fleet.url}/api/v1/enclaves`)).json()) as Listed).enclaves

beforeAll(async () => {
  // It resolves when every enclave is ready.
  fleet = await startFleet({ port: 0, state, enclaves: 2, socat: false, sources: { kms: source } })
}, 60_000)
afterAll(async () => {
  await fleet.stop()
  rmSync(state, { recursive: true, force: true })
})

describe('a fleet whose KMS', () => {
  it('throttles when it starts comes to work by itself, and says why it took so long', () => {
    expect(readFileSync(logPath, 'utf8')).toContain('kms.throttled')
  })

  it('has its key disabled keeps working, and an enclave that restarts meanwhile comes back as who it was', async () => {
    const before = await list()
    const readyAgain = (text: string) => text.split('\n').filter(isReadyLine).length > readyLines
    const readyLines = readFileSync(logPath, 'utf8').split('\n').filter(isReadyLine).length
    fleet.kill('kms', 'SIGUSR2')
    fleet.kill('enclave-0')
    await untilWritten(logPath, (text) => text.includes('kms.disabled'))
    expect((await list()).map((enclave) => enclave.state)).toEqual(['locked', 'ready'])
    fleet.kill('kms', 'SIGUSR2')
    await untilWritten(logPath, readyAgain)
    expect(await list()).toEqual(before)
  }, 60_000)
})
