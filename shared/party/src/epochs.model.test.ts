import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import * as rules from './epochs.ts'
import { sameVersion } from './epochs.ts'
import type { Memory } from './epochs.ts'

/*
 * Every interleaving of crash, rollback, recall and refresh: three hosts, and a gateway that keeps all that was ever sealed or
 * said, kills hosts as often as it likes, brings them what it likes when it likes, and withholds the rest. It may refresh to
 * either of two successors, in any order of steps. The rules are the enclave's own. What must never be: a host that may sign
 * with the old version after the refresh was over. Worlds are numbers, so that all of them can be visited.
 */
type Rules = Readonly<typeof rules>

const old: Version = { epoch: 0, digest: 'old' as Digest }
const successors: readonly Version[] = [
  { epoch: 1, digest: 'new' as Digest },
  { epoch: 1, digest: 'rival' as Digest },
]
const memories: readonly Memory[] = [null, old, ...successors].flatMap((current) =>
  [null, ...successors].map((prepared) => ({ current, prepared, word: null })),
)
const numberOf = (memory: Memory): number =>
  memories.findIndex(
    ({ current, prepared }) => sameVersion(current, memory.current) && sameVersion(prepared, memory.prepared),
  )

/**
 * `memory`: its number. `said`: which memories peers have told it in this life (bits by number), which may be delivered late.
 * `vouched`: participants have spoken for the old version in this life of it. `ever`: for which successors (bits) it has given its
 * word that it is prepared, at any time. `now`: it stands by its word for what its memory is prepared for.
 */
type Host = Readonly<{ memory: number; said: number; vouched: boolean; ever: number; now: boolean }>
/**
 * `begun`: installations that can still come to their end, for each successor: which hosts (bits) have installed, the others being in
 * the life in which they prepared. `agreed`: there was a moment at which all hosts were prepared for the same successor, or at it.
 */
type World = Readonly<{ hosts: readonly Host[]; begun: readonly (readonly number[])[]; agreed: boolean; over: boolean }>

const fresh: Host = { memory: numberOf(rules.nothing), said: 0, vouched: false, ever: 0, now: false }
const everybody = 0b111
const start: World = {
  hosts: [0, 1, 2].map(() => ({ ...fresh, memory: numberOf(rules.made(rules.nothing, old)) })),
  begun: [[], []],
  agreed: false,
  over: false,
}

const memoryOf = ({ memory, now }: Host): Memory => ({ ...(memories[memory] as Memory), word: now ? 'now' : null })
const newestOf = (host: Host) => memoryOf(host).prepared ?? memoryOf(host).current
const isBroken = ({ over, hosts }: World): boolean => over && hosts.some((host) => rules.maySign(memoryOf(host), old))

function withHost(world: World, at: number, change: Partial<Host>): World {
  const hosts = world.hosts.map((host, index) => (index === at ? { ...host, ...change } : host))
  const agrees = (host: Host, to: Version) =>
    [memoryOf(host).current, memoryOf(host).prepared].some((version) => sameVersion(version, to))
  const agreed = world.agreed || successors.some((to) => hosts.every((host) => agrees(host, to)))
  return { ...world, hosts, agreed }
}

/** In this life, what has been told only matters as long as it does not know the current version. */
const remember = (world: World, at: number, memory: Memory): World =>
  withHost(world, at, {
    memory: numberOf(memory),
    now: memory.word !== null,
    ...(memory.current === null ? {} : { said: 0, vouched: false }),
  })

/** What the gateway can do: the steps are named as they are told in `docs/protocol.md`. */
type Step = (world: World, at: number, by: Rules, options: Options) => Iterable<World>

const restart: Step = function* (world, at, by) {
  yield withHost({ ...world, begun: startedWithout(world, at) }, at, {
    ...fresh,
    memory: numberOf(by.nothing),
    ever: world.hosts[at]?.ever ?? 0,
  })
}

const recall: Step = function* (world, at, { remembers, learn }) {
  const host = world.hosts[at] as Host
  if (memoryOf(host).current !== null) return
  for (const [peer, other] of world.hosts.entries())
    if (peer !== at && remembers(memoryOf(other))) yield withHost(world, at, { said: host.said | (1 << other.memory) })
  for (const [number, memory] of memories.entries())
    if (host.said & (1 << number)) yield remember(world, at, learn(memoryOf(host), memory))
}

const vouch: Step = function* (world, at, by, { afterAgreement = false }) {
  const host = world.hosts[at] as Host
  if (memoryOf(host).current !== null) return
  if (afterAgreement || !world.agreed) yield withHost(world, at, { vouched: true })
  if (host.vouched) yield remember(world, at, by.vouch(memoryOf(host), old))
}

const prepare: Step = function* (world, at, by, { refreshes = 1 }) {
  const host = world.hosts[at] as Host
  for (const [bit, successor] of successors.slice(0, refreshes).entries()) {
    const next = by.prepare(memoryOf(host), successor, old.digest, 'now')
    if (next === null) continue
    const prepared = withHost(remember(world, at, next), at, { ever: host.ever | (1 << bit) })
    // Installations that rest on a word that it took back cannot come to their end any more.
    const others = sameVersion(newestOf(host), successor) ? world.begun : startedWithout(world, at)
    yield { ...prepared, begun: others }
  }
}

const startedWithout = ({ begun }: World, at: number) =>
  begun.map((rounds) => rounds.filter((installed) => installed & (1 << at)))

/** On words of all hosts, given at any time; its own must be the one that it stands by. */
const install: Step = function* (world, at, by, { onAnyWord = false }) {
  const host = world.hosts[at] as Host
  for (const [bit, successor] of successors.entries()) {
    if (!world.hosts.every(({ ever }) => ever & (1 << bit))) continue
    const next = by.install(memoryOf(onAnyWord ? { ...host, now: true } : host), successor, 'now')
    if (next === null) continue
    const standing = world.hosts.every((one) => onAnyWord || (one.now && sameVersion(newestOf(one), successor)))
    const known = world.begun[bit] ?? []
    const rounds = new Set([...known, ...known.map((done) => done | (1 << at)), ...(standing ? [1 << at] : [])])
    const over = world.over || rounds.has(everybody)
    const begun = world.begun.map((other, index) => (over ? [] : index === bit ? [...rounds].sort() : other))
    yield remember({ ...world, begun, over }, at, next)
  }
}

const steps: readonly Step[] = [restart, recall, vouch, prepare, install]

/** Hosts are alike, so a world and its mirror images are one. */
const permutations = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

const hostName = ({ memory, said, vouched, ever, now }: Host): number =>
  (((memory * 4 + ever) * 2 + Number(now)) * 2 + Number(vouched)) * 4096 + said

function nameOf({ hosts, begun, agreed, over }: World): string {
  const names = hosts.map(hostName)
  const nameAt = (at: number) => names[at] ?? 0
  const sorted = permutations.filter(([a, b, c]) => nameAt(a) <= nameAt(b) && nameAt(b) <= nameAt(c))
  const rounds = sorted.map((order) => {
    const moved = (mask: number) => order.reduce<number>((sum, from, to) => sum | (mask & (1 << from) ? 1 << to : 0), 0)
    return begun.map((masks) => masks.reduce((sum, mask) => sum | (1 << moved(mask)), 0)).join()
  })
  return `${names.sort((a, b) => a - b).join()};${rounds.sort()[0] ?? ''};${Number(agreed)}${Number(over)}`
}

/** How far an exploration goes, and without which defences. */
type Options = Readonly<{
  /** How many successors the old version may get: 1 or 2. */
  refreshes?: number
  depth?: number
  rules?: Partial<Rules>
  onAnyWord?: boolean
  afterAgreement?: boolean
}>

/** Visits every world that can be reached, the near ones first, until one is broken. */
function explore(options: Options = {}) {
  const by: Rules = { ...rules, ...options.rules }
  const seen = new Set([nameOf(start)])
  let over = 0
  let border = [start]
  for (let steps = 0; border.length > 0 && steps < (options.depth ?? Infinity); steps += 1) {
    const next: World[] = []
    for (const reached of border.flatMap((world) => [...successorsOf(world, by, options)])) {
      const name = nameOf(reached)
      if (seen.has(name)) continue
      seen.add(name)
      if (isBroken(reached)) return { worlds: seen.size, over, broken: reached }
      if (reached.over) over += 1
      next.push(reached)
    }
    border = next
  }
  return { worlds: seen.size, over, broken: null }
}

function* successorsOf(world: World, by: Rules, options: Options): Generator<World> {
  for (const at of [0, 1, 2]) for (const step of steps) yield* step(world, at, by, options)
}

describe('after a refresh, the old version', () => {
  it('signs nowhere any more, in whatever order hosts crashed, were rolled back, asked and answered', () => {
    const { worlds, over, broken } = explore()
    expect(broken).toBeNull()
    // All that there are: another number means other rules.
    expect({ worlds, over }).toEqual({ worlds: 79_372, over: 1_060 })
  })

  it('signs nowhere either when the gateway began two refreshes at once, as far as ten steps go', () => {
    const { over, broken } = explore({ refreshes: 2, depth: 10 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(100)
  })

  const trusting: Rules['learn'] = (memory, said) =>
    memory.current === null && said.current !== null ? { ...said, word: null } : rules.learn(memory, said)

  it.each<[string, Options]>([
    ['took what a peer may be about to leave for what is in force', { rules: { learn: trusting } }],
    ['believed its sealed state after a restart', { rules: { nothing: rules.made(rules.nothing, old) } }],
    ['installed on a word that it does not stand by any more', { onAnyWord: true }],
    ['asked participants who cannot know of the refresh', { afterAgreement: true }],
  ])('would sign again if a host %s', (_, without) => {
    expect(explore(without).broken).not.toBeNull()
  })
})
