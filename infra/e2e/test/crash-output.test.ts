import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noticed, until } from '../../../shared/test/noticing.js'
import { canary, crashes } from './support/leaks.ts'

const long = 120_000
const state = join(mkdtempSync(join(tmpdir(), 'quorate-leak-')), 'state')
const enclave = 'enclave-0'
let fleet: Fleet
let exits = 0

beforeAll(async () => {
  fleet = await startFleet({
    ...{ port: 0, state },
    sources: { enclave: fileURLToPath(new URL('./support/crashing-with-secrets.ts', import.meta.url)) },
    onEvent: (event) => {
      if (event.type === 'exited' && event.name === enclave) exits += 1
      noticed()
    },
  })
}, long)
afterAll(async () => {
  await fleet.stop()
  rmSync(join(state, '..'), { recursive: true })
}, long)

/** All that it wrote to its standard output and error. */
const output = () => readFileSync(join(state, 'logs', `${enclave}.log`), 'utf8')

describe('an enclave that crashes with secrets in its hands', { timeout: long }, () => {
  it.each(Object.entries(crashes))('on %s writes the name of a class and nothing else', async (_, nonce) => {
    const [before, written] = [exits, output().length]
    await Promise.all([
      fetch(`${fleet.url}/api/v1/enclaves/${enclave}/attestation?nonce=${nonce}`).catch(() => null),
      until(() => exits > before, 'the enclave to crash'),
    ])
    await fleet.ready()
    const [crashed] = output()
      .slice(written)
      .split('\n')
      .filter((line) => line.includes('enclave.crashed'))
    const { time, ...said } = JSON.parse(crashed ?? '{}') as Record<string, unknown>
    expect(time).toBeTypeOf('string')
    expect(said).toEqual({
      enclave,
      level: 'fatal',
      event: 'enclave.crashed',
      error: nonce === crashes['a text'] ? 'unknown' : 'Leaking',
    })
  })

  it('leaves its secrets in no log, and no file of what was in its memory', () => {
    expect(exits).toBeGreaterThanOrEqual(Object.keys(crashes).length)
    for (const line of output().split('\n').filter(Boolean))
      expect(() => JSON.parse(line) as unknown, line).not.toThrow()
    for (const log of readdirSync(join(state, 'logs')))
      expect(readFileSync(join(state, 'logs', log), 'latin1').includes(canary), log).toBe(false)
    const files = readdirSync(state, { recursive: true, encoding: 'utf8' })
    expect(files.filter((file) => /heapsnapshot|report\..*\.json|(^|\/)core/.test(file))).toEqual([])
  })
})
