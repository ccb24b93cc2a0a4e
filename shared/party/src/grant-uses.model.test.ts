import type { Recollection, Remembered } from '@quorate/shared/wire/recall'
import type { Life } from '@quorate/shared/wire/identity'
import type { SignKey } from '@quorate/shared/wire/ids'
import { isSameLife } from '@quorate/shared/verify/lives'
import { describe, expect, it } from 'vitest'
import { createGrantUses, type GrantUses } from './grant-uses.ts'
import { createLives, type Lives } from './lives.ts'

/*
 * Three hosts of a 2-of-3 key, and a gateway that starts, forks and kills them, carries what they tell now or later, and asks for
 * signatures by the grant of the second. At any time one host at most runs twice, since t forks are a quorum of their own. The rules
 * are the host's own; the gateway's steps are drawn, the same ones in each run of this test. What must never be: more signatures in the window of
 * the grant than it allows.
 */
type Process = Readonly<{ identity: number; life: Life; lives: Lives; uses: GrantUses; heard: Set<number> }> & {
  knowsEpoch: boolean
}
type Told = Readonly<{ to: Process; from: number; life: Life; knowsEpoch: boolean }> &
  Pick<Recollection['body'], 'lives'> &
  Pick<Remembered, 'uses'>

/** Without which defences. */
type Without = 'lives' | 'hearsay' | 'several' | 'witnesses' | 'own past' | 'nothing'

const LIMIT = 2
const NEEDED = 2
const GRANTED = 2
const identities = [0, 1, 2]
const keyOf = (identity: number) => `host-${identity}` as SignKey

/** mulberry32. */
function drawing(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const noLives: Lives = { see: () => undefined, hear: () => undefined, newest: () => null }

class World {
  readonly #without: Without
  readonly #makers: readonly string[]
  #now = 1_000
  alive: Process[] = []
  told: Told[] = []
  signed = 0
  /** Was the last signature by another life of the host than the one that made the key? */
  byLaterLife = false

  constructor(without: Without) {
    this.#without = without
    for (const identity of identities) this.start(identity).knowsEpoch = true
    this.#makers = this.alive.map(({ life }) => life.id)
  }

  /** Beside the one that runs, or in its place. */
  start(identity: number, beside = false): Process {
    this.#now += 1
    const life: Life = { id: `${this.#now}`, startedAt: this.#now }
    const lives = this.#without === 'lives' ? noLives : createLives()
    const uses = createGrantUses(life)
    const process: Process = { identity, life, lives, uses, heard: new Set(), knowsEpoch: false }
    const mayFork = identities.every((one) => this.alive.filter(({ identity: of }) => of === one).length < 2)
    this.alive = [...this.alive.filter((one) => one.identity !== identity || (beside && mayFork)), process]
    return process
  }

  #makerOf(process: Process): string {
    return this.#without === 'own past' ? process.life.id : (this.#makers[process.identity] ?? '')
  }

  tell(from: Process, to: Process): void {
    if (from.identity === to.identity) return
    to.lives.see(keyOf(from.identity), from.life)
    from.lives.see(keyOf(to.identity), to.life)
    const lives = identities.flatMap((identity) => {
      const life = identity === from.identity ? from.life : from.lives.newest(keyOf(identity))
      return life === null ? [] : { signKey: keyOf(identity), life }
    })
    const uses = from.uses.tell('key', [GRANTED], this.#makerOf(from))
    this.told.push({ to, from: from.identity, life: from.life, knowsEpoch: from.knowsEpoch, lives, uses })
  }

  learn({ to, from, life, knowsEpoch, lives, uses }: Told): void {
    to.lives.see(keyOf(from), life)
    if (this.#without !== 'hearsay')
      for (const one of lives) if (one.signKey !== keyOf(to.identity)) to.lives.hear(one.signKey, one.life)
    if (knowsEpoch) to.heard.add(from)
    if (to.heard.size >= NEEDED) to.knowsEpoch = true
    const isOver = () => !isSameLife(to.lives.newest(keyOf(from)) ?? life, life)
    to.uses.learn('key', { from: [from + 1], uses, isOver }, this.#without === 'several' ? 1 : NEEDED, this.#now)
  }

  sign(first: Process, second: Process): void {
    const quorum = [first, second]
    if (!quorum.some(({ identity }) => identity + 1 === GRANTED)) return
    if (first.identity === second.identity || quorum.some(({ knowsEpoch }) => !knowsEpoch)) return
    for (const host of quorum) {
      const peer = host === first ? second : first
      host.lives.see(keyOf(peer.identity), peer.life)
      const isOwn = host.identity + 1 === GRANTED
      if (!isOwn && this.#without === 'witnesses') continue
      const grant = { lineage: 'key', index: GRANTED, maker: this.#makerOf(host), isOwn }
      host.uses.spend({ ...grant, limit: { count: LIMIT, seconds: 1_000_000 } }, 1, this.#now)
    }
    this.signed += 1
    const granted = quorum.find(({ identity }) => identity + 1 === GRANTED)
    this.byLaterLife = granted !== undefined && granted.life.id !== this.#makers[granted.identity]
  }
}

/** A step of the gateway. What a host refuses changes nothing. */
function step(world: World, draw: (below: number) => number): void {
  const pick = <T>(of: readonly T[]) => of[draw(of.length)] as T
  const [one, other] = [pick(world.alive), pick(world.alive)]
  try {
    const wish = draw(100)
    if (wish < 3) world.start(draw(3))
    else if (wish < 10) world.start(draw(3), true)
    // Enough participants have said which epoch is in force.
    else if (wish < 13) one.knowsEpoch = true
    else if (wish < 45) world.tell(one, other)
    else if (wish < 80 && world.told.length > 0) world.learn(pick(world.told))
    else world.sign(one, other)
  } catch {
    // Refused.
  }
}

function explore(without: Without, runs = 3_000): Readonly<{ most: number; byLaterLives: number }> {
  let [most, byLaterLives] = [0, 0]
  for (let seed = 1; seed <= runs; seed += 1) {
    const [world, draw] = [new World(without), drawing(seed)]
    for (let steps = 0; steps < 60; steps += 1) {
      const before = world.signed
      step(world, draw)
      if (world.signed > before && world.byLaterLife) byLaterLives += 1
    }
    most = Math.max(most, world.signed)
  }
  return { most, byLaterLives }
}

describe('a grant', () => {
  it('is used as often as it says at most, whatever hosts are forked, restarted and told', () => {
    const { most, byLaterLives } = explore('nothing', 10_000)
    expect(most).toBe(LIMIT)
    // Later lives do use what is left of it.
    expect(byLaterLives).toBeGreaterThan(20)
  })

  it.each<[string, Without]>([
    ['took the word of a life that is over', 'lives'],
    ['took the count from one host alone', 'several'],
    ['did not count what others give beside it', 'witnesses'],
    ['took its own life for the one that knows all', 'own past'],
  ])('would be used more often if a host %s', (_, without) => {
    expect(explore(without).most).toBeGreaterThan(LIMIT)
  })

  // Too long a way to be drawn.
  it.each<[string, Without, number]>([
    ['is not used up twice by a host and its clone, with a partner each, one of which has forgotten', 'nothing', LIMIT],
    ['would be, if a host did not hear which lives of others are over', 'hearsay', 2 * LIMIT],
  ])('%s', (_, without, signed) => {
    const world = new World(without)
    const [, original, partner] = world.alive as [Process, Process, Process]
    const clone = world.start(1, true)
    const tell = (from: Process, to: Process) => {
      world.tell(from, to)
      world.learn(world.told.at(-1)!)
    }
    const use = (one: Process, other: Process) => {
      for (let times = 0; times < LIMIT; times += 1) world.sign(one, other)
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
    expect(world.signed).toBe(signed)
  })
})
