import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { entry } from '../src/fleet/entry.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-main-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const [condition = '', main = ''] = entry('infra/local', 'fleet/main')

function startMain(state: string, port = '0') {
  const child = spawn(process.execPath, [condition, main], {
    env: { ...process.env, STATE: state, PORT: port, NO_COLOR: '1' },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, ended, output: () => output }
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** What has ended, and only waits for init to collect it, is not alive. */
const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe.runIf(process.platform === 'linux')('make fleet', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says when it is ready, and %s ends it and its children',
    { timeout: 120_000 },
    async (signal) => {
      const { child, ended, output } = startMain(join(folder, 'state'))
      while (!/^ready http:\/\/127\.0\.0\.1:\d+$/m.test(output()) && child.exitCode === null) await sleep(50)
      expect(output()).toMatch(/^ready http/m)
      const children = childrenOf(child.pid ?? 0)
      expect(children.length).toBeGreaterThanOrEqual(5)

      const since = performance.now()
      child.kill(signal)
      expect(await ended).toBe(0)
      expect(performance.now() - since).toBeLessThan(5_000)
      expect(children.filter(isAlive)).toEqual([])
    },
  )

  it('ends cleanly when it is stopped while it starts', { timeout: 60_000 }, async () => {
    const { child, ended, output } = startMain(join(folder, 'early'))
    while (!output().includes('✓') && child.exitCode === null) await sleep(5)
    const children = childrenOf(child.pid ?? 0)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
  })

  it('leaves no Node process behind when it is killed, and its relays to the next', { timeout: 120_000 }, async () => {
    const state = join(folder, 'state')
    const { child, ended, output } = startMain(state)
    while (!output().includes('ready http') && child.exitCode === null) await sleep(50)
    const children = childrenOf(child.pid ?? 0)
    const nodes = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(process.execPath))
    expect(nodes.length).toBe(5)
    child.kill('SIGKILL')
    await ended
    for (let waited = 0; nodes.some(isAlive) && waited < 8_000; waited += 50) await sleep(50)
    expect(nodes.filter(isAlive)).toEqual([])

    const next = startMain(state)
    while (!next.output().includes('ready http') && next.child.exitCode === null) await sleep(50)
    next.child.kill('SIGTERM')
    expect(await next.ended).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
  })
})
