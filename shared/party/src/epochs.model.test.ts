import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import * as rules from './epochs.ts'
import { sameVersion } from './epochs.ts'
import type { Memory, Recollection } from './epochs.ts'

/*
 * Every interleaving of crash, rollback, recall and refresh: three hosts, and a gateway that keeps all that was ever sealed or
 * said, kills hosts as often as it likes, brings them what it likes when it likes, and withholds the rest. It may refresh to
 * either of two successors, in any order of steps, and may have started the first host's sealed root a second time before: a clone,
 * which heard of the old version as hosts do after a restart, and which nobody can tell from it. The rules are the host's own. What must never be: a host that may sign with the old version after the refresh was
 * over; or, since a clone that stays away from the refresh goes on believing what it heard, two hosts who may, which are a quorum.
 * Worlds are numbers, so that all of them can be visited.
 */
type Rules = Readonly<typeof rules>

const old: Version = { epoch: 0, digest: 'old' as Digest }
const successors: readonly Version[] = [
  { epoch: 1, digest: 'new' as Digest },
  { epoch: 1, digest: 'rival' as Digest },
]
const versions: readonly (Version | null)[] = [null, old, ...successors]
const recollections: readonly Recollection[] = versions.flatMap((current) =>
  [null, ...successors].map((prepared) => ({ current, prepared })),
)
const versionNumber = (version: Version | null) => versions.findIndex((one) => sameVersion(one, version))
const recollectionNumber = (of: Recollection): number =>
  recollections.findIndex(
    ({ current, prepared }) => sameVersion(current, of.current) && sameVersion(prepared, of.prepared),
  )
/** Of the hosts of any quorum of two among three, one is among two. */
const needed = rules.requiredVouchers(3, 2)

/**
 * `knows`: what it would tell, and `certain` and `from` what it has heard, as numbers and bits. `said`: by peer, which recollections it
 * has been told in this life (bits), which may be delivered late. `vouched`: participants have spoken for the old version in this life
 * of it. `ever`: for which successors (bits) it has given its word that it is prepared, at any time. `now`: it stands by its word for
 * what its memory is prepared for.
 */
type Host = Readonly<{
  knows: number
  certain: number
  from: number
  said: readonly number[]
  vouched: boolean
  ever: number
  now: boolean
}>
/**
 * `hosts`: three, and with a clone a fourth, which is the first once more. `begun`: installations that can still come to their end, for
 * each successor: which hosts (bits) have installed, the others being in the life in which they prepared. `agreed`: there was a moment
 * at which all hosts were prepared for the same successor, or at it.
 */
type World = Readonly<{ hosts: readonly Host[]; begun: readonly (readonly number[])[]; agreed: boolean; over: boolean }>

const identityOf = (at: number) => at % 3
const originals = [0, 1, 2]

const bitsOf = (indices: readonly number[]) => indices.reduce((bits, index) => bits | (1 << index), 0)
const indicesOf = (bits: number) => originals.filter((index) => bits & (1 << index))

const held = (memory: Memory) => ({
  knows: recollectionNumber(memory),
  certain: versionNumber(memory.heard.certain),
  from: bitsOf(memory.heard.from),
})
const fresh: Host = { ...held(rules.nothing), said: [0, 0, 0], vouched: false, ever: 0, now: false }
const everybody = 0b111
const start = (clone: boolean): World => ({
  hosts: [...originals.map(() => ({ ...fresh, ...held(rules.made(rules.nothing, old)) })), ...(clone ? [fresh] : [])],
  begun: [[], []],
  agreed: false,
  over: false,
})

const memoryOf = ({ knows, certain, from, now }: Host): Memory => ({
  ...(recollections[knows] as Recollection),
  heard: { certain: versions[certain] as Version | null, from: indicesOf(from) },
  word: now ? 'now' : null,
})
const newestOf = (host: Host) => memoryOf(host).prepared ?? memoryOf(host).current
function isBroken({ over, hosts }: World): boolean {
  if (!over) return false
  const behind = hosts.flatMap((host, at) => (rules.maySign(memoryOf(host), old) ? [at] : []))
  return behind.some((at) => at < 3) && (hosts.length === 3 || new Set(behind.map(identityOf)).size > 1)
}

function withHost(world: World, at: number, change: Partial<Host>): World {
  const hosts = world.hosts.map((host, index) => (index === at ? { ...host, ...change } : host))
  const agrees = (host: Host, to: Version) =>
    [memoryOf(host).current, memoryOf(host).prepared].some((version) => sameVersion(version, to))
  const agreed = world.agreed || successors.some((to) => hosts.slice(0, 3).every((host) => agrees(host, to)))
  return { ...world, hosts, agreed }
}

/** In this life, what has been told only matters as long as it does not know the current version. */
const remember = (world: World, at: number, memory: Memory): World =>
  withHost(world, at, {
    ...held(memory),
    now: memory.word !== null,
    ...(memory.current === null ? {} : { said: [0, 0, 0], vouched: false }),
  })

/** What the gateway can do: the steps are named as they are told in `docs/protocol.md`. */
type Step = (world: World, at: number, by: Rules, options: Options) => Iterable<World>

const restart: Step = function* (world, at, by) {
  yield withHost({ ...world, begun: startedWithout(world, at) }, at, {
    ...fresh,
    ...held(by.nothing),
    ever: world.hosts[at]?.ever ?? 0,
  })
}

const recall: Step = function* (world, at, { remembers, learn }) {
  const host = world.hosts[at] as Host
  if (memoryOf(host).current !== null) return
  for (const [peer, other] of world.hosts.entries())
    if (identityOf(peer) !== identityOf(at) && remembers(memoryOf(other)))
      yield withHost(world, at, {
        said: host.said.map((bits, from) => (from === identityOf(peer) ? bits | (1 << other.knows) : bits)),
      })
  for (const [from, bits] of host.said.entries())
    for (const [number, recollection] of recollections.entries())
      if (bits & (1 << number)) yield remember(world, at, learn(memoryOf(host), recollection, { from: [from], needed }))
}

const vouch: Step = function* (world, at, by, { afterAgreement = false }) {
  const host = world.hosts[at] as Host
  if (memoryOf(host).current !== null) return
  if (afterAgreement || !world.agreed) yield withHost(world, at, { vouched: true })
  if (host.vouched) yield remember(world, at, by.vouch(memoryOf(host), old))
}

const prepare: Step = function* (world, at, by, { refreshes = 1 }) {
  const host = world.hosts[at] as Host
  if (at > 2) return
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
  if (at > 2) return
  const three = world.hosts.slice(0, 3)
  for (const [bit, successor] of successors.entries()) {
    if (!three.every(({ ever }) => ever & (1 << bit))) continue
    const next = by.install(memoryOf(onAnyWord ? { ...host, now: true } : host), successor, 'now')
    if (next === null) continue
    const standing = three.every((one) => onAnyWord || (one.now && sameVersion(newestOf(one), successor)))
    const known = world.begun[bit] ?? []
    const rounds = new Set([...known, ...known.map((done) => done | (1 << at)), ...(standing ? [1 << at] : [])])
    const over = world.over || rounds.has(everybody)
    const begun = world.begun.map((other, index) => (over ? [] : index === bit ? [...rounds].sort() : other))
    yield remember({ ...world, begun, over }, at, next)
  }
}

const steps: readonly Step[] = [restart, recall, vouch, prepare, install]

/** Hosts are alike, but for the one that has a clone; so a world and its mirror images are one. */
const permutations = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

function nameOf({ hosts, begun, agreed, over }: World): string {
  const alike = hosts.length === 3 ? permutations : permutations.slice(0, 2)
  const names = alike.map((order) => {
    const moved = (mask: number) => order.reduce<number>((sum, from, to) => sum | (mask & (1 << from) ? 1 << to : 0), 0)
    const hostName = ({ knows, certain, from, said, vouched, ever, now }: Host) =>
      [
        ((knows * 4 + certain) * 8 + moved(from)) * 16 + ever * 4 + Number(now) * 2 + Number(vouched),
        ...order.map((at) => said[at]),
      ].join()
    const seated = [...order, ...(hosts.length === 3 ? [] : [3])].map((at) => hostName(hosts[at] as Host))
    const rounds = begun.map((masks) => masks.reduce((sum, mask) => sum | (1 << moved(mask)), 0))
    return `${seated.join(';')};${rounds.join()}`
  })
  return `${names.sort()[0] ?? ''};${Number(agreed)}${Number(over)}`
}

/** How far an exploration goes, and without which defences. */
type Options = Readonly<{
  clone?: boolean
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
  const first = start(options.clone ?? false)
  const seen = new Set([nameOf(first)])
  let over = 0
  let border = [first]
  for (let steps = 0; border.length > 0 && steps < (options.depth ?? Infinity); steps += 1) {
    const next: World[] = []
    for (const reached of border.flatMap((world) => [...successorsOf(world, by, options)])) {
      const name = nameOf(reached)
      if (seen.has(name)) continue
      seen.add(name)
      if (isBroken(reached)) return { worlds: seen.size, over, broken: reached, steps }
      if (reached.over) over += 1
      next.push(reached)
    }
    border = next
  }
  return { worlds: seen.size, over, broken: null, steps: options.depth ?? Infinity }
}

function* successorsOf(world: World, by: Rules, options: Options): Generator<World> {
  for (const at of world.hosts.keys()) for (const step of steps) yield* step(world, at, by, options)
}

describe('after a refresh, the old version', () => {
  it('signs nowhere any more, in whatever order hosts crashed, were rolled back, asked and answered', () => {
    const { over, broken } = explore({ depth: 12 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(200)
  })

  it('signs nowhere either when the gateway began two refreshes at once', () => {
    const { over, broken } = explore({ refreshes: 2, depth: 10 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(30)
  })

  it('signs with no quorum when one host was cloned before, and the clone stayed away from the refresh', () => {
    const { over, broken } = explore({ clone: true, depth: 9 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(20)
  })

  const trusting: Rules['learn'] = (memory, said, by) =>
    memory.current === null && said.current !== null
      ? { ...memory, ...said, word: null }
      : rules.learn(memory, said, by)
  const credulous: Rules['learn'] = (memory, said, { from }) => rules.learn(memory, said, { from, needed: 1 })

  it.each<[string, Options]>([
    ['took what a peer may be about to leave for what is in force', { rules: { learn: trusting } }],
    ['believed one peer alone, which may be a clone', { clone: true, rules: { learn: credulous } }],
    ['believed its sealed state after a restart', { rules: { nothing: rules.made(rules.nothing, old) } }],
    ['installed on a word that it does not stand by any more', { onAnyWord: true }],
    ['asked participants who cannot know of the refresh', { afterAgreement: true }],
  ])('would sign again if a host %s', (_, without) => {
    expect(explore({ depth: 14, ...without }).broken).not.toBeNull()
  })
})
