import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFleet, type Fleet } from '../src/fleet/fleet.ts'

const state = mkdtempSync(join(tmpdir(), 'quorate-kms-'))
const source = new URL('./support/ailing-kms.ts', import.meta.url).pathname
const log = () => readFileSync(join(state, 'logs', 'gateway.log'), 'utf8')

type Listed = { enclaves: { id: string; state: string; identity: unknown }[] }
let fleet: Fleet
const list = async () => ((await (await fetch(`${fleet.url}/api/v1/enclaves`)).json()) as Listed).enclaves

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) await sleep(50)
}

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
    expect(log()).toContain('kms.throttled')
  })

  it('has its key disabled keeps working, and an enclave that restarts meanwhile comes back as who it was', async () => {
    const before = await list()
    fleet.kill('kms', 'SIGUSR2')
    fleet.kill('enclave-0')
    await until(() => log().includes('kms.disabled'))
    expect((await list()).map((enclave) => enclave.state)).toEqual(['locked', 'ready'])
    fleet.kill('kms', 'SIGUSR2')
    await until(async () => (await list()).every((enclave) => enclave.state === 'ready'))
    expect(await list()).toEqual(before)
  }, 60_000)
})
