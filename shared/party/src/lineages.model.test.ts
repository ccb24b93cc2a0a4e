import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { describe, expect, it } from 'vitest'
import { learn, maySign, nothing, remembers, requiredVouchers, versionOf, type Memory } from './epochs.ts'
import { createMemories, type KeyName, type Memories } from './memories.ts'

/*
 * Two keys of one id: a key of two among two, which is refreshed once, and a key that the gateway's operator made under the same id, of
 * the same two hosts and a third one, the witness. The gateway restarts hosts, and carries what they tell of either key. What must never be: both
 * hosts at the first epoch when they have installed the next. Memories and rules are the host's own.
 */
type Key = Readonly<{ name: KeyName; hosts: readonly number[]; versions: readonly Version[] }>
const keyOf = (lineage: string, hosts: readonly number[], versions: readonly Version[]): Key => ({
  name: { keyId: 'id', lineage: lineage as Digest },
  hosts,
  versions,
})
const version = (epoch: number, digest: string) =>
  versionOf({ certificate: { epoch }, digest } as unknown as Parameters<typeof versionOf>[0])
const [old, next] = [version(0, 'old'), version(1, 'next')]
const owned = keyOf('owned', [0, 1], [old, next])
const foreign = keyOf('foreign', [0, 1, 2], [version(0, 'foreign')])
const keys = [owned, foreign]

/** What a host lacks. `lineage`: it names a key by its id. `only`: it takes another key under an id that it knows. */
type Without = 'lineage' | 'only' | 'nothing'
const namedBy =
  (without: Without) =>
  ({ name }: Key): KeyName =>
    without === 'lineage' ? { ...name, lineage: name.keyId as Digest } : name

/** What each host remembers, by the name of the key. */
type World = Readonly<{ hosts: readonly Readonly<Record<string, Memory>>[]; over: boolean; course: readonly string[] }>

function modelOf(without: Without) {
  const nameOf = namedBy(without)
  /** The host's own memories, as they stand. Null: it refuses. */
  function kept(memory: World['hosts'][number], act: (memories: Memories) => void): World['hosts'][number] | null {
    const memories = createMemories()
    const idOf = (name: KeyName) => (without === 'only' ? { ...name, keyId: name.lineage } : name)
    const keep: Memories['keep'] = (name, of) => {
      memories.keep(idOf(name), of)
    }
    for (const key of keys) if (memory[nameOf(key).lineage]) keep(nameOf(key), memory[nameOf(key).lineage] as Memory)
    try {
      act({ ...memories, keep })
    } catch (error) {
      if (error instanceof Refusal) return null
      throw error
    }
    const entries = keys.map((key) => [nameOf(key).lineage, memories.of(nameOf(key).lineage)] as const)
    return Object.fromEntries(entries.filter(([, of]) => remembers(of)))
  }

  const changed = (world: World, at: number, memory: World['hosts'][number] | null, what: string): World[] =>
    memory === null
      ? []
      : [{ ...world, hosts: world.hosts.with(at, memory), course: [...world.course, `${what} ${at}`] }]

  const memoryOf = (world: World, at: number, key: Key) => world.hosts[at]?.[nameOf(key).lineage] ?? nothing

  function successorsOf(world: World): World[] {
    const all = [0, 1, 2]
    const restarted = all.flatMap((at) => changed(world, at, {}, 'restart'))
    const refreshed: World[] =
      !world.over && owned.hosts.every((at) => maySign(memoryOf(world, at, owned), old))
        ? [
            {
              over: true,
              hosts: world.hosts.map((memory, at) => refreshedAt(memory, at)),
              course: [...world.course, 'refresh'],
            },
          ]
        : []
    const made = all.flatMap((at) => {
      const of: Memory = { ...nothing, current: foreign.versions[0] as Version }
      // Of a key that a host has under this name already it makes no other.
      if (remembers(memoryOf(world, at, foreign))) return []
      const memory = kept(world.hosts[at] ?? {}, ({ keep }) => keep(nameOf(foreign), of))
      return changed(world, at, memory, 'make the other key at')
    })
    const told = keys.flatMap((key) =>
      key.hosts.flatMap((at) =>
        key.hosts.filter((peer) => peer !== at).flatMap((peer) => learnt(world, key, at, peer)),
      ),
    )
    return [...restarted, ...refreshed, ...made, ...told]
  }

  const refreshedAt = (memory: World['hosts'][number], at: number) =>
    owned.hosts.includes(at) ? { ...memory, [nameOf(owned).lineage]: { ...nothing, current: next } } : memory

  function learnt(world: World, key: Key, at: number, peer: number): World[] {
    const before = memoryOf(world, at, key)
    const witness = { from: [peer + 1], needed: requiredVouchers(2, 2) }
    const after = learn(before, memoryOf(world, peer, key), witness)
    if (after === before || !remembers(after)) return []
    const memory = kept(world.hosts[at] ?? {}, ({ keep }) => keep(nameOf(key), after))
    return changed(world, at, memory, `by ${key.name.lineage} ${peer} tells`)
  }

  const isBroken = (world: World) => world.over && owned.hosts.every((at) => maySign(memoryOf(world, at, owned), old))
  const atOld = { [nameOf(owned).lineage]: { ...nothing, current: old } }
  const first: World = { hosts: [atOld, atOld, {}], over: false, course: [] }
  return { first, successorsOf, isBroken }
}

/** Visits every world that can be reached, the near ones first, until one is broken. */
function explore(without: Without): Readonly<{ worlds: number; broken: World | null }> {
  const { first, successorsOf, isBroken } = modelOf(without)
  const named = ({ hosts, over }: World) => JSON.stringify([hosts, over])
  const seen = new Set([named(first)])
  let border = [first]
  while (border.length > 0) {
    const reached = border.flatMap(successorsOf)
    border = []
    for (const world of reached) {
      if (seen.has(named(world))) continue
      seen.add(named(world))
      if (isBroken(world)) return { worlds: seen.size, broken: world }
      border.push(world)
    }
  }
  return { worlds: seen.size, broken: null }
}

describe('of two keys of one id, the old epoch of one', () => {
  it('signs nowhere any more after a refresh, whatever the third host of the other is told and tells', () => {
    const { worlds, broken } = explore('nothing')
    expect(broken).toBeNull()
    expect(worlds).toBeGreaterThan(20)
  })

  it('would be brought back by that host if memories went by the id', () => {
    expect(explore('lineage').broken?.course).toEqual([
      'by foreign 0 tells 2',
      'refresh',
      'restart 0',
      'restart 1',
      'by foreign 2 tells 0',
      'by owned 0 tells 1',
    ])
  })

  it('is brought back neither where a host takes both keys, since what it remembers of each is apart', () => {
    expect(explore('only').broken).toBeNull()
  })
})
