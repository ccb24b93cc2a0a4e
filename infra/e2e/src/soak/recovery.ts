import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from '@quorate/local/fleet/fleet'
import type { Kept } from './keys.ts'
import { signOnce } from './load.ts'
import type { World } from './world.ts'

/** Who asks anew where nobody knows the epoch has it at the second go. */
const goes = 3
const betweenLooks = 250

/** When nothing is killed any more, the fleet becomes ready, every key signs, and nothing stays open but what its deadline ends. */
export async function checkRecovery(world: World, fleet: Fleet): Promise<void> {
  const { ledger, keys, settings } = world
  const { deadline, patience } = settings
  await fleet.ready(patience).catch((error: unknown) => ledger.fault('the fleet', error))
  const trySigning = async (kept: Kept) => {
    if (!(await signsAgain(world, kept))) ledger.wrong.push(`key ${kept.key.keyId} signs no more`)
  }
  await Promise.all(keys.all.map(trySigning))
  const until = Date.now() + deadline + patience
  while ((await openSessions(fleet)) !== 0 && Date.now() < until) await sleep(betweenLooks)
}

async function signsAgain(world: World, kept: Kept): Promise<boolean> {
  for (let go = 1; go <= goes; go += 1) {
    const entry = await signOnce(world, kept, { text: 'after all kills', approver: world.people.bob })
    if (entry?.end?.code === null) return true
  }
  return false
}

/** By the gateway's own count, of all kinds; null when it does not say. */
async function openSessions({ metricsUrl }: Fleet): Promise<number | null> {
  const text = await fetch(`${metricsUrl}/metrics`, { signal: AbortSignal.timeout(10_000) }).then(
    (response) => response.text(),
    () => '',
  )
  const counts = [...text.matchAll(/^quorate_sessions_open\{.*\} (\d+)$/gm)]
  return counts.length === 0 ? null : counts.reduce((sum, [, count]) => sum + Number(count), 0)
}
