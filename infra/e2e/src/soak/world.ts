import { randomBytes } from 'node:crypto'
import { Quorate } from '@quorate/client'
import type { Fleet } from '@quorate/local/fleet/fleet'
import { peopleBy, type People } from '../people.ts'
import { createDraw } from './draw.ts'
import { busyKinds, Keys, makeKept, rareKinds } from './keys.ts'
import { Ledger } from './ledger.ts'
import type { Settings } from './settings.ts'

/** What everybody works with who asks something of the fleet. */
export type World = Readonly<{ people: People; keys: Keys; ledger: Ledger; settings: Settings }>

/** A gateway that is killed is back within these tries. */
const retry = { attempts: 24, pause: 100 }

/** Three people, and a key of each kind. Throws when one cannot be made, though nothing has been killed yet. */
export async function openWorld({ url, trust }: Fleet, settings: Settings): Promise<World> {
  const ledger = new Ledger()
  const onForked = (fork: unknown) => void ledger.wrong.push(`two lives of one host: ${JSON.stringify(fork)}`)
  const quorate = new Quorate({ gateway: url, trust, retry, onForked })
  const people = peopleBy((name) => quorate.participant(name, { seed: randomBytes(32) }))
  const keys = new Keys(createDraw(settings.seed, 'keys'), settings.betweenRare)
  const world = { people, keys, ledger, settings }
  for (const kind of [...busyKinds, ...rareKinds]) {
    const made = await makeKept(world, kind)
    if (made.code !== null) throw new Error(`the first keys cannot be made: ${made.code}`)
    keys.add(made.result)
  }
  return world
}
