import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch } from 'node:fs'
import { pollUntil } from '../../../../shared/test/poll.js'
import { folderOf, hitsIn, readPlan, type Hit } from './crash-plan.ts'

/** Waits until a process has stopped where the plan says, as long as the test may take. */
export async function planReached(state: string): Promise<Hit> {
  const plan = readPlan(state)
  const watcher = watch(folderOf(state))
  try {
    for (;;) {
      const change = once(watcher, 'change')
      const hit = hitsIn(state)[plan?.hitsBefore ?? Infinity]
      if (hit !== undefined) {
        await pollUntil(() => hasStopped(hit.pid))
        return hit
      }
      await change
    }
  } finally {
    watcher.close()
  }
}

/** It writes that it stops right before it does. Whoever is not its parent is not told when it has. */
function hasStopped(pid: number): boolean {
  try {
    const state =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '')
        : execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
    return /^[TZ]/.test(state)
  } catch {
    return true
  }
}
