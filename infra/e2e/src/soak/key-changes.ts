import { setTimeout as sleep } from 'node:timers/promises'
import { askForRefresh } from '../people.ts'
import type { Draw } from './draw.ts'
import { endingOf } from './ending.ts'
import { busyKinds, makeKept } from './keys.ts'
import type { World } from './world.ts'

/** A keygen, a refresh, a keygen, …, with pauses, until it is told to end. A new key signs from then on. */
export async function changeKeys(world: World, draw: Draw, end: AbortSignal): Promise<void> {
  for (let number = 0; ; number += 1) {
    await sleep(draw.between(world.settings.betweenKeyChanges), undefined, { signal: end }).catch(() => undefined)
    if (end.aborted) return
    if (number % 2 === 0) await makeOne(world, draw)
    else await refreshOne(world, draw)
  }
}

async function makeOne(world: World, draw: Draw): Promise<void> {
  const made = await makeKept(world, draw.pick(busyKinds)).catch((error: unknown) =>
    world.ledger.refuse('reservation', 'of a key', error),
  )
  if (made?.code === null) world.keys.add(made.result)
}

async function refreshOne({ people, keys, ledger, settings }: World, draw: Draw): Promise<void> {
  const { deadline, patience } = settings
  const kept = draw.pick(keys.all)
  const since = performance.now()
  const asked = await askForRefresh(people, kept.key, { expiresIn: deadline }).catch((error: unknown) =>
    ledger.refuse('refresh', kept.key.keyId, error),
  )
  if (asked === undefined) return
  const entry = ledger.asked('refresh', asked.refreshId, since)
  const ending = await endingOf(asked, asked.expiresAt + patience)
  ledger.ended(entry, ending.code)
  if (ending.code === null) kept.key = ending.result
}
