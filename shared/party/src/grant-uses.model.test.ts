import type { GrantId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { drawing, ForkingHosts, NEEDED, step, type Lacking, type Process as ProcessOf } from '../test/forking-hosts.ts'
import type { ToldUses } from './counts.ts'
import { createGrantUses, type GrantUses, type Limit } from './grant-uses.ts'

/*
 * Forking hosts that sign by grants of the second participant: the registered one, and two that came later, one with two limits. Time
 * goes on in steps longer than the shorter window. What must never be: more signatures in a window of a grant than it allows. After all
 * hosts have been started anew, the owner says that a grant counts from now on to the lives that there are; the gateway brings that to each
 * when it likes.
 */
type Process = ProcessOf<GrantUses>

/** Without which defences. */
type Without = Lacking | 'several' | 'witnesses' | 'own past' | 'pasts' | 'named' | 'nothing'

const GRANTED = 2
const FOREVER = 1_000_000
type Granted = Readonly<{ grant: GrantId | null; limits: readonly Limit[] }>
const [once, both] = ['one limit', 'two limits'] as unknown as [GrantId, GrantId]
const registered: Granted = { grant: null, limits: [{ count: 2, seconds: FOREVER }] }
const grants: readonly Granted[] = [
  registered,
  { grant: once, limits: [{ count: 1, seconds: FOREVER }] },
  {
    grant: both,
    limits: [
      { count: 1, seconds: 10 },
      { count: 3, seconds: FOREVER },
    ],
  },
]

type Used = Readonly<{ grant: GrantId | null; at: number }>
type Renewal = Readonly<{ grant: GrantId; of: readonly Process[] }>

class World extends ForkingHosts<GrantUses, ToldUses> {
  readonly #without: Without
  renewals: Renewal[] = []
  used: Used[] = []
  /** Signatures by another life of the granted host than the one that made the key; and by grants that were renewed. */
  byLaterLives = 0
  byRenewed = 0

  constructor(without: Without) {
    super(createGrantUses, without)
    this.#without = without
  }

  #maker(process: Process): string {
    return this.#without === 'own past' ? process.life.id : this.makerOf(process)
  }

  say(from: Process, to: Process): void {
    this.tell(from, to, () => {
      const said = from.own.tell('key', [GRANTED], this.#maker(from), this.now)
      const pasts = said.pasts.map((past) => ({ ...past, since: 0 }))
      return this.#without === 'pasts' ? { ...said, pasts } : said
    })
  }

  learn(told = this.told.at(-1)): void {
    if (told === undefined) return
    const word = { ...told.said, ...this.hear(told) }
    told.to.own.learn('key', word, this.#without === 'several' ? 1 : NEEDED, this.now)
  }

  /** All at once, and enough participants say which epoch is in force. */
  startAll(): void {
    this.alive = []
    for (const identity of [0, 1, 2]) this.start(identity).knowsEpoch = true
  }

  /** The owner has it count from now: what was used before counts no more. */
  renew(grant: GrantId): void {
    if (this.alive.some((process) => process.life.id === this.makerOf(process))) return
    this.renewals.push({ grant, of: this.alive })
    this.used = this.used.filter((use) => use.grant !== grant)
  }

  bring({ grant, of }: Renewal, to: Process): void {
    if (of.includes(to) || this.#without === 'named') to.own.renew('key', GRANTED, [grant])
  }

  sign(one: Process, other: Process, { grant, limits }: Granted): void {
    if (one.identity + 1 !== GRANTED && other.identity + 1 !== GRANTED) return
    for (const host of this.quorum(one, other) ?? []) {
      const isOwn = host.identity + 1 === GRANTED
      if (!isOwn && this.#without === 'witnesses') continue
      const use = { lineage: 'key', index: GRANTED, grant, limits, maker: this.#maker(host), isOwn }
      host.own.spend(use, 1, this.now)
    }
    if (this.quorum(one, other) === null) return
    this.used.push({ grant, at: this.now })
    const granted = one.identity + 1 === GRANTED ? one : other
    if (granted.life.id !== this.makerOf(granted)) this.byLaterLives += 1
    if (this.renewals.some((renewal) => renewal.grant === grant)) this.byRenewed += 1
  }

  /** By how many signatures a limit is exceeded, at most. */
  excess(): number {
    const overOf = ({ grant, limits }: Granted) =>
      limits.flatMap(({ count, seconds }) =>
        this.used.map(({ at }) => {
          const inWindow = this.used.filter(
            (use) => use.grant === grant && use.at <= at && use.at > at - seconds * 1_000,
          )
          return inWindow.length - count
        }),
      )
    return Math.max(0, ...grants.flatMap(overOf))
  }
}

function act(world: World, draw: (below: number) => number): void {
  const pick = <T>(of: readonly T[]) => of[draw(of.length)]
  if (draw(20) === 0) world.now += 6_000
  if (draw(120) === 0) world.startAll()
  if (draw(30) === 0) world.renew(draw(2) === 0 ? once : both)
  const renewal = draw(4) === 0 ? pick(world.renewals) : undefined
  if (renewal !== undefined) world.bring(renewal, pick(world.alive)!)
  const gateway = {
    start: (identity: number, beside: boolean) => void world.start(identity, beside),
    vouch: (one: Process) => void (one.knowsEpoch = true),
    tell: (from: Process, to: Process) => world.say(from, to),
    // Rather something that was said of late.
    learn: () => world.learn(pick(draw(2) === 0 ? world.told : world.told.slice(-6))),
    use: (one: Process, other: Process) => world.sign(one, other, pick(grants)!),
  }
  step(world.alive, gateway, draw)
}

function explore(
  without: Without,
  runs = 5_000,
): Readonly<{ excess: number; byLaterLives: number; byRenewed: number }> {
  const seen = { excess: 0, byLaterLives: 0, byRenewed: 0 }
  for (let seed = 1; seed <= runs; seed += 1) {
    const [world, draw] = [new World(without), drawing(seed)]
    for (let steps = 0; steps < 80; steps += 1) {
      act(world, draw)
      seen.excess = Math.max(seen.excess, world.excess())
    }
    seen.byLaterLives += world.byLaterLives
    seen.byRenewed += world.byRenewed
  }
  return seen
}

describe('each grant', () => {
  it('is used as often as its limits say at most, whatever hosts are forked, restarted and told', () => {
    const { excess, byLaterLives, byRenewed } = explore('nothing', 10_000)
    expect(excess).toBe(0)
    // Later lives do use what is left of it, and what its owner has given anew.
    expect(byLaterLives).toBeGreaterThan(20)
    expect(byRenewed).toBeGreaterThan(20)
  })

  it.each<[string, Without]>([
    ['took the word of a life that is over', 'lives'],
    ['took the count from one host alone', 'several'],
    ['did not count what others give beside it', 'witnesses'],
    ['took its own life for the one that knows all', 'own past'],
    ['did not say since when it knows what it does not name', 'pasts'],
  ])('would be used more often if a host %s', (_, without) => {
    expect(explore(without).excess).toBeGreaterThan(0)
  })

  // Too long a way to be drawn.
  it.each<[string, Without, number]>([
    ['is not used up twice by a host and its clone, with a partner each, one of which has forgotten', 'nothing', 2],
    ['would be, if a host did not hear which lives of others are over', 'hearsay', 4],
  ])('%s', (_, without, signed) => {
    const world = new World(without)
    const [, original, partner] = world.alive as [Process, Process, Process]
    const clone = world.start(1, true)
    const tell = (from: Process, to: Process) => {
      world.say(from, to)
      world.learn()
    }
    const use = (one: Process, other: Process) => {
      for (let times = 0; times < 2; times += 1) world.sign(one, other, registered)
    }
    for (const peer of [world.alive[0]!, partner]) tell(peer, clone)
    use(clone, partner)
    const forgetful = world.start(0)
    tell(original, forgetful)
    tell(partner, forgetful)
    try {
      use(forgetful, original)
    } catch (error) {
      expect(error).toMatchObject({ code: 'life.retired' })
    }
    expect(world.used).toHaveLength(signed)
  })

  it.each<[string, Without, number]>([
    ['does not begin anew on a word that names lives which are over', 'nothing', 0],
    ['would, if a host did not look which lives it names', 'named', 1],
  ])('%s', (_, without, excess) => {
    const world = new World(without)
    const [renewed] = grants.filter(({ grant }) => grant === once) as [Granted]
    const use = () => {
      const [one, other] = world.alive as [Process, Process]
      world.sign(one, other, renewed)
    }
    const bring = () => {
      for (const process of world.alive) world.bring(world.renewals[0]!, process)
    }
    world.startAll()
    expect(use).toThrow('too few others')
    world.renew(once)
    bring()
    use()
    expect(use).toThrow('allows no more')
    world.startAll()
    bring()
    try {
      use()
    } catch (error) {
      expect(error).toMatchObject({ code: 'grant.unproven' })
    }
    expect(world.excess()).toBe(excess)
  })
})
