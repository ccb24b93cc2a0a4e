import { Refusal } from '@quorate/shared/errors'
import { lineageOf } from '@quorate/shared/verify/certificate'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import { MAX_RECALLED } from '@quorate/shared/wire/recall'
import { ceilingAfter } from '../engine/back-off.ts'
import type { Hosts } from '../engine/ports.ts'
import type { Store } from '../store/store.ts'
import type { KeyCache } from './key-cache.ts'
import type { RecallMany } from './recall.ts'
import type { RecalledKey } from './recollections.ts'
import { restoreShare } from './restore-share.ts'

/** Keys that were used in this time are recalled early, ms. */
const USED_WITHIN = 86_400_000
/** Keys that are recalled early for one host. The others wait for a signing. */
const MOST_KEYS = 1_000
/** How long a host rests that could not be asked, ms. */
const RESTS = { first: 1_000, longest: 300_000 }
/** Keys that are looked at for them, of all hosts of the gateway. */
const MOST_LOOKED_AT = 10_000

export type EarlyRecallPorts = Readonly<{
  hosts: Hosts
  store: Pick<Store, 'usedKeys'>
  keys: Pick<KeyCache, 'load'>
  recall: RecallMany
  timeoutMs: number
  /** ms since 1970 */
  clock: () => number
  /** `settled`: keys of which the host knows all that there is. `left`: used keys of which it does not. */
  recalled: (at: Readonly<{ host: HostId; settled: number; left: number }>) => void
  failed: (error: unknown) => void
}>

/** What is known of one host in one life of it. `left`: as of the last time. `failures`: in a row. */
type Course = { life: string; settled: Set<KeyId>; left: number; failures: number }

/** The hosts that are at it; `again`: something has happened since. */
type Ward = Readonly<{
  ports: EarlyRecallPorts
  courses: Map<HostId, Course>
  running: Map<HostId, { again: boolean; done: Promise<void> }>
  rests: Set<NodeJS.Timeout>
  stop: AbortSignal
}>

function courseOf({ ports, courses }: Ward, host: HostId): Course | null {
  const life = ports.hosts.life(host)
  if (life === null || ports.hosts.state(host) !== 'ready') return null
  const known = courses.get(host)
  if (known?.life === life) return known
  const begun = { life, settled: new Set<KeyId>(), left: 0, failures: 0 }
  courses.set(host, begun)
  return begun
}

/** The key, if this host has a share of it. One that cannot be loaded is for the signing to tell of. */
async function keyAt({ ports, stop }: Ward, host: HostId, keyId: KeyId): Promise<RecalledKey | null> {
  const { hosts, keys, timeoutMs } = ports
  const found = await keys.load(keyId).catch((error: unknown) => {
    if (error instanceof Refusal && error.code !== 'store.failed') return null
    throw error
  })
  if (found === null) return null
  const { certificate } = found.verified
  const { participants } = certificate.roster.skeleton
  const seats = participants.map(({ index, host: { identity } }) => ({ index, host: identity.enclaveId }))
  const own = seats.find((seat) => seat.host === host)
  if (own === undefined) return null
  const restore: RecalledKey['restore'] = (seat) => {
    if (stop.aborted) throw new Refusal('gateway.draining')
    return restoreShare({ hosts, keys, timeoutMs }, keyId, seat)
  }
  return { keyId, lineage: lineageOf(certificate), index: own.index, seats, restore }
}

/** The keys that a host has to hear of, those used last first, in bunches of the same hosts. */
async function bunchesOf(ward: Ward, host: HostId, { settled }: Course): Promise<RecalledKey[][]> {
  const { store, clock } = ward.ports
  const used = await store.usedKeys(clock() - USED_WITHIN, MOST_LOOKED_AT)
  const full: RecalledKey[][] = []
  const open = new Map<string, RecalledKey[]>()
  let room = MOST_KEYS
  for (const keyId of used) {
    if (ward.stop.aborted || room === 0) break
    const key = settled.has(keyId) ? null : await keyAt(ward, host, keyId)
    if (key === null) continue
    room -= 1
    const name = [...new Set(key.seats.map((seat) => seat.host))].sort().join(' ')
    const bunch = open.get(name) ?? []
    bunch.push(key)
    open.set(name, bunch)
    if (bunch.length < MAX_RECALLED) continue
    full.push(bunch)
    open.delete(name)
  }
  return [...full, ...open.values()]
}

/** True when all could be asked. A host that went is asked again when it is back, and one that was too busy after a rest. */
async function recallBunch(
  { ports }: Ward,
  host: HostId,
  { settled }: Course,
  bunch: readonly RecalledKey[],
): Promise<boolean> {
  try {
    const outcomes = await ports.recall(host, bunch)
    for (const outcome of outcomes) if (outcome.settled) settled.add(outcome.keyId)
    return outcomes.every((outcome) => outcome.settled || outcome.trouble === null)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return false
  }
}

/** Wakes the host after a rest. */
function rest(ward: Ward, host: HostId, failures: number): void {
  const timer = setTimeout(
    () => {
      ward.rests.delete(timer)
      wake(ward, host)
    },
    ceilingAfter(failures, RESTS),
  ).unref()
  ward.rests.add(timer)
}

async function recallAll(ward: Ward, host: HostId): Promise<void> {
  const course = courseOf(ward, host)
  if (course === null) return
  const bunches = await bunchesOf(ward, host, course)
  let isAsked = true
  for (const bunch of bunches) {
    if (ward.stop.aborted || courseOf(ward, host) !== course) return
    isAsked = (await recallBunch(ward, host, course, bunch)) && isAsked
  }
  course.failures = isAsked ? 0 : course.failures + 1
  if (!isAsked) rest(ward, host, course.failures)
  course.left = bunches.flat().filter(({ keyId }) => !course.settled.has(keyId)).length
  ward.ports.recalled({ host, settled: course.settled.size, left: course.left })
}

/** Once at a time for a host. Never rejects. */
function wake(ward: Ward, host: HostId): void {
  const underWay = ward.running.get(host)
  if (underWay !== undefined) {
    underWay.again = true
    return
  }
  const run = { again: true, done: Promise.resolve() }
  run.done = (async () => {
    while (run.again && !ward.stop.aborted) {
      run.again = false
      await recallAll(ward, host).catch(ward.ports.failed)
    }
    ward.running.delete(host)
  })()
  ward.running.set(host, run)
}

/**
 * Lets a host that has become ready hear from the others of the keys that are in use, before a signing needs it: hosts that restart one
 * after the other then leave nobody who does not know. It goes on beside signings, with one question to the host at a time. What
 * nobody could tell is asked again when another host becomes ready, and a host that could not be asked after a rest. `close` waits for what is under way.
 */
export function createEarlyRecall(ports: EarlyRecallPorts): Readonly<{ close: () => Promise<void> }> {
  const stopping = new AbortController()
  const ward: Ward = { ports, courses: new Map(), running: new Map(), rests: new Set(), stop: stopping.signal }
  const unsubscribe = ports.hosts.subscribe(({ type, host }) => {
    if (type !== 'ready') return
    const waiting = [...ward.courses].flatMap(([other, { left }]) => (left > 0 ? other : []))
    for (const one of new Set([host, ...waiting, ...ward.running.keys()])) wake(ward, one)
  })
  return {
    async close() {
      unsubscribe()
      stopping.abort()
      for (const timer of ward.rests) clearTimeout(timer)
      await Promise.all([...ward.running.values()].map(({ done }) => done))
    },
  }
}
