import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { pollUntil } from '../../../shared/test/poll.js'
import { startMain } from './support/main-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-main-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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
      const { child, ended, output, says } = startMain(join(folder, 'state'))
      await says(/^ready http:\/\/127\.0\.0\.1:\d+$/m)
      expect(output()).toMatch(/^ready http/m)
      const children = childrenOf(child.pid ?? 0)
      expect(children.length).toBeGreaterThanOrEqual(5)

      child.kill(signal)
      expect(await ended).toBe(0)
      expect(children.filter(isAlive)).toEqual([])
    },
  )

  it('ends cleanly when it is stopped while it starts', { timeout: 120_000 }, async () => {
    const { child, ended, says } = startMain(join(folder, 'early'))
    await says('✓')
    const children = childrenOf(child.pid ?? 0)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
  })

  it('leaves no Node process behind when it is killed, and its relays to the next', { timeout: 120_000 }, async () => {
    const state = join(folder, 'state')
    const { child, ended, says } = startMain(state)
    await says('ready http')
    const children = childrenOf(child.pid ?? 0)
    const nodes = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(process.execPath))
    expect(nodes.length).toBe(5)
    child.kill('SIGKILL')
    await ended
    await pollUntil(() => !nodes.some(isAlive))

    const next = startMain(state)
    await next.says('ready http')
    next.child.kill('SIGTERM')
    expect(await next.ended).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
  })
})
