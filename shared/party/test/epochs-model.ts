import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import * as rules from '../src/epochs.ts'
import { sameVersion, type Memory, type Recollection } from '../src/epochs.ts'

/*
 * Every interleaving of crash, rollback, recall and change of epoch: three hosts, and a gateway that keeps all that was ever sealed or
 * said, kills hosts as often as it likes, brings them what it likes when it likes, and withholds the rest. It may go to either of two
 * rival versions, in any order of steps, and may have started the first host's sealed root a second time: a clone, which nobody can tell
 * from it. The rules are the host's own. Worlds are numbers, so that all of them can be visited.
 */
export type Rules = Readonly<typeof rules>

const version = (epoch: number, name: string): Version => ({ epoch, digest: name as Digest })

/**
 * What the rivals are. Of a refresh: two successors of the version in force, `old`; the clone was started before it, heard of `old` as
 * hosts do after a restart, and stays away. Of a keygen: first versions, of two attempts of which the clone takes part in the second.
 */
type Story = Readonly<{ old: Version | null; rivals: readonly Version[] }>
export const refresh: Story = { old: version(0, 'old'), rivals: [version(1, 'new'), version(1, 'rival')] }
export const keygen: Story = { old: null, rivals: [version(0, 'first'), version(0, 'second')] }

/** How far an exploration goes, and without which defences. */
export type Options = Readonly<{
  story?: Story
  clone?: boolean
  /** How many rivals there are: 1 or 2. */
  rivals?: number
  depth?: number
  rules?: Partial<Rules>
  onAnyWord?: boolean
  afterAgreement?: boolean
  /** Of a keygen: both attempts were run to their ends before anything else. */
  attempted?: boolean
  /** Hosts live for ever: what goes wrong even then is found soon. */
  crashless?: boolean
  /** Who knows the current version is told of others all the same. */
  relearns?: boolean
}>

/**
 * `knows`: what it would tell, and `certain` and `from` what it has heard, as numbers and bits. `said`: by peer, which recollections it
 * has been told in this life (bits), which may be delivered late. `vouched`: participants have spoken for the old version in this life
 * of it. `ever`: for which rivals (bits) it has given its word that it is prepared, at any time. `now`: it stands by its word for
 * what its memory is prepared for. `certified`: which rivals (bits) it has certified in this life. `rounds`: it is in the life in
 * which it began the second attempt.
 */
type Host = Readonly<{
  knows: number
  certain: number
  from: number
  said: readonly number[]
  vouched: boolean
  ever: number
  now: boolean
  certified: number
  rounds: boolean
}>
/**
 * `hosts`: three, and with a clone a fourth, which is the first once more. `begun`: installations that can still come to their end, for
 * each rival: which hosts (bits) have installed, the others being in the life in which they prepared. `agreed`: there was a moment
 * at which all hosts were prepared for the same rival, or at it. `signed`: by which hosts (bits) the second attempt is certified.
 * `over`: which rivals (bits) all have installed.
 */
type World = Readonly<{
  hosts: readonly Host[]
  begun: readonly (readonly number[])[]
  agreed: boolean
  signed: number
  over: number
}>

const identityOf = (at: number) => at % 3
const originals = [0, 1, 2]
const everybody = 0b111
const bitsOf = (indices: readonly number[]) => indices.reduce((bits, index) => bits | (1 << index), 0)
const indicesOf = (bits: number) => originals.filter((index) => bits & (1 << index))
/** Of the hosts of any quorum of two among three, one is among two. */
const needed = rules.requiredVouchers(3, 2)

/** The worlds of a story, and what leads from one to the next. */
function modelOf(options: Options) {
  const { story: { old, rivals: all } = refresh, clone = false, rivals: most = 2 } = options
  const by: Rules = { ...rules, ...options.rules }
  const rivals = all.slice(0, most)
  const versions: readonly (Version | null)[] = [null, ...(old === null ? [] : [old]), ...all]
  const recollections: readonly Recollection[] = versions.flatMap((current) =>
    [null, ...all].map((prepared) => ({ current, prepared })),
  )
  const versionNumber = (of: Version | null) => versions.findIndex((one) => sameVersion(one, of))
  const recollectionNumber = (of: Recollection): number =>
    recollections.findIndex(
      ({ current, prepared }) => sameVersion(current, of.current) && sameVersion(prepared, of.prepared),
    )
  /** Which processes go to this rival, in the order of hosts. */
  const seatsOf = (bit: number) => (old === null && clone && bit === 1 ? [3, 1, 2] : originals)

  const held = (memory: Memory) => ({
    knows: recollectionNumber(memory),
    certain: versionNumber(memory.heard.certain),
    from: bitsOf(memory.heard.from),
  })
  const blank = { said: [0, 0, 0], vouched: false, ever: 0, now: false, certified: 0, rounds: false }
  const fresh: Host = { ...held(rules.nothing), ...blank }
  const { attempted = false } = options
  const born: Host =
    old === null
      ? { ...fresh, certified: attempted ? 3 : 1, rounds: attempted }
      : { ...fresh, ...held({ ...rules.nothing, current: old }) }
  const first: World = {
    hosts: [...originals.map(() => born), ...(clone ? [fresh] : [])],
    begun: [[], []],
    agreed: false,
    signed: attempted ? everybody : 0,
    over: 0,
  }

  const memoryOf = ({ knows, certain, from, now }: Host): Memory => ({
    ...(recollections[knows] as Recollection),
    heard: { certain: versions[certain] as Version | null, from: indicesOf(from) },
    word: now ? 'now' : null,
  })
  const knowsEnough = (host: Host) => options.relearns !== true && memoryOf(host).current !== null
  const newestOf = (host: Host) => memoryOf(host).prepared ?? memoryOf(host).current

  /** Does one host stand by its word for one rival, or is at it, and another for the other? */
  const areSplit = (hosts: readonly Host[]): boolean =>
    rivals.every((rival) => hosts.some((host) => host.now && sameVersion(newestOf(host), rival)))

  /**
   * Of a refresh: a host that may sign with the old version after it was over; or, since a clone that stays away goes on believing
   * what it heard, two hosts who may, which are a quorum. Of a keygen: two keys that all hosts have installed;
   * or, without a clone, one that they have, and a host that remembers it beside one that has agreed to the other.
   */
  function isBroken({ over, hosts }: World): boolean {
    if (old === null) return over === 0b11 || (over !== 0 && hosts.length === 3 && areSplit(hosts))
    if (over === 0) return false
    const behind = hosts.flatMap((host, at) => (by.maySign(memoryOf(host), old) ? [at] : []))
    return behind.some((at) => at < 3) && (hosts.length === 3 || new Set(behind.map(identityOf)).size > 1)
  }

  function withHost(world: World, at: number, change: Partial<Host>): World {
    const hosts = world.hosts.map((host, index) => (index === at ? { ...host, ...change } : host))
    const agrees = (host: Host, to: Version) =>
      [memoryOf(host).current, memoryOf(host).prepared].some((one) => sameVersion(one, to))
    const agreed = world.agreed || rivals.some((to) => hosts.slice(0, 3).every((host) => agrees(host, to)))
    return { ...world, hosts, agreed: old !== null && agreed }
  }

  /** In this life, what has been told only matters as long as it does not know the current version. */
  const remember = (world: World, at: number, memory: Memory): World =>
    withHost(world, at, {
      ...held(memory),
      now: memory.word !== null,
      ...(memory.current === null || options.relearns === true
        ? {}
        : { said: [0, 0, 0], vouched: false, certified: 0 }),
    })

  const startedWithout = ({ begun }: World, at: number) =>
    begun.map((rounds, bit) =>
      seatsOf(bit).includes(at) ? rounds.filter((installed) => installed & (1 << identityOf(at))) : rounds,
    )

  const isWorded = ({ hosts }: World, bit: number) =>
    seatsOf(bit).every((at) => hosts.some((host, i) => identityOf(i) === identityOf(at) && host.ever & (1 << bit)))

  /** What the gateway can do: the steps are named as they are told in `docs/protocol.md`. */
  type Step = (world: World, at: number) => Iterable<World>

  const restart: Step = function* (world, at) {
    if (options.crashless === true) return
    const { ever } = world.hosts[at] as Host
    yield withHost({ ...world, begun: startedWithout(world, at) }, at, { ...fresh, ...held(by.nothing), ever })
  }

  /** Of a first version it is the same to who hears it whether the peer has prepared it or is at it. */
  const toldBy = (host: Host): number =>
    old === null ? recollectionNumber({ current: newestOf(host), prepared: null }) : host.knows

  /** Of a keygen, only a host that has its share open, which takes the words of all hosts. */
  const recall: Step = function* (world, at) {
    const host = world.hosts[at] as Host
    const isOpen = old !== null || rivals.some((_, bit) => isWorded(world, bit))
    if (knowsEnough(host) || !isOpen) return
    for (const [peer, other] of world.hosts.entries()) {
      if (identityOf(peer) === identityOf(at) || !by.remembers(memoryOf(other))) continue
      const told = 1 << toldBy(other)
      yield withHost(world, at, {
        said: host.said.map((bits, from) => (from === identityOf(peer) ? bits | told : bits)),
      })
    }
    for (const [from, bits] of host.said.entries())
      for (const [number, recollection] of recollections.entries())
        if (bits & (1 << number))
          yield remember(world, at, by.learn(memoryOf(host), recollection, { from: [from], needed }))
  }

  const vouch: Step = function* (world, at) {
    const host = world.hosts[at] as Host
    if (old === null || knowsEnough(host)) return
    if (options.afterAgreement === true || !world.agreed) yield withHost(world, at, { vouched: true })
    if (host.vouched) yield remember(world, at, by.vouch(memoryOf(host), old))
  }

  /** The second attempt of a keygen: all begin its rounds, and each certifies as long as it is in the life in which it did. */
  const attempt: Step = function* (world, at) {
    if (old !== null || rivals.length < 2) return
    const seats = seatsOf(1)
    const host = world.hosts[at] as Host
    if (at === seats[0] && world.signed === 0 && seats.every((seat) => !world.hosts[seat]?.rounds))
      yield seats.reduce((next, seat) => withHost(next, seat, { rounds: true }), world)
    if (!seats.includes(at) || !host.rounds || host.certified & 2) return
    const after = by.certify(memoryOf(host), rivals[1] as Version)
    if (after === null) return
    const certified = withHost(remember(world, at, after), at, { certified: host.certified | 2 })
    const begun = sameVersion(newestOf(host), after.prepared ?? after.current) ? world.begun : startedWithout(world, at)
    yield { ...certified, begun, signed: world.signed | (1 << identityOf(at)) }
  }

  const prepare: Step = function* (world, at) {
    const host = world.hosts[at] as Host
    for (const [bit, rival] of rivals.entries()) {
      if (!seatsOf(bit).includes(at)) continue
      const isCertified = old !== null || (host.certified & (1 << bit) && (bit === 0 || world.signed === everybody))
      if (!by.remembers(memoryOf(host)) && !isCertified) continue
      const next = by.prepare(memoryOf(host), rival, old?.digest ?? null, 'now')
      if (next === null) continue
      const prepared = withHost(remember(world, at, next), at, { ever: host.ever | (1 << bit) })
      // Installations that rest on a word that it took back cannot come to their end any more.
      const others = sameVersion(newestOf(host), rival) ? world.begun : startedWithout(world, at)
      yield { ...prepared, begun: others }
    }
  }

  /** On words of all hosts, given at any time; its own must be the one that it stands by. */
  const install: Step = function* (world, at) {
    const host = world.hosts[at] as Host
    for (const [bit, rival] of rivals.entries()) {
      const seats = seatsOf(bit).map((seat) => world.hosts[seat] as Host)
      if (!seatsOf(bit).includes(at) || !isWorded(world, bit)) continue
      const { onAnyWord = false } = options
      const next = by.install(memoryOf(onAnyWord ? { ...host, now: true } : host), rival, 'now')
      if (next === null) continue
      const standing = seats.every((one) => onAnyWord || (one.now && sameVersion(newestOf(one), rival)))
      const known = world.begun[bit] ?? []
      const own = 1 << identityOf(at)
      const rounds = new Set([...known, ...known.map((done) => done | own), ...(standing ? [own] : [])])
      const over = world.over | (rounds.has(everybody) ? 1 << bit : 0)
      const isOver = (of: number) => (old === null ? over & (1 << of) : over)
      const begun = world.begun.map((other, of) => (isOver(of) ? [] : of === bit ? [...rounds].sort() : other))
      yield remember({ ...world, begun, over }, at, next)
    }
  }

  const steps: readonly Step[] = [restart, recall, vouch, attempt, prepare, install]

  function* successorsOf(world: World): Generator<World> {
    for (const at of world.hosts.keys()) for (const step of steps) yield* step(world, at)
  }
  return { first, isBroken, successorsOf }
}

/** Hosts are alike, but for the one that has a clone; so a world and its mirror images are one. */
const permutations = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

function nameOf({ hosts, begun, agreed, signed, over }: World): string {
  const alike = hosts.length === 3 ? permutations : permutations.slice(0, 2)
  const names = alike.map((order) => {
    const moved = (mask: number) => order.reduce<number>((sum, from, to) => sum | (mask & (1 << from) ? 1 << to : 0), 0)
    const hostName = ({ knows, certain, from, said, vouched, ever, now, certified, rounds }: Host) =>
      [
        ((knows * 4 + certain) * 8 + moved(from)) * 16 + ever * 4 + Number(now) * 2 + Number(vouched),
        certified * 2 + Number(rounds),
        ...order.map((at) => said[at]),
      ].join()
    const seated = [...order, ...(hosts.length === 3 ? [] : [3])].map((at) => hostName(hosts[at] as Host))
    const rounds = begun.map((masks) => masks.reduce((sum, mask) => sum | (1 << moved(mask)), 0))
    return `${seated.join(';')};${rounds.join()};${moved(signed)}`
  })
  return `${names.sort()[0] ?? ''};${Number(agreed)}${over}`
}

/** Visits every world that can be reached, the near ones first, until one is broken. */
export function explore(options: Options = {}) {
  const { first, isBroken, successorsOf } = modelOf(options)
  const seen = new Set([nameOf(first)])
  let over = 0
  let border = [first]
  for (let steps = 0; border.length > 0 && steps < (options.depth ?? Infinity); steps += 1) {
    const next: World[] = []
    for (const reached of border.flatMap((world) => [...successorsOf(world)])) {
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
