import type { Digest } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { drawing, ForkingHosts, NEEDED, step, type Lacking, type Process as ProcessOf } from '../test/forking-hosts.ts'
import { createFloors, type Floors, type ToldBooks } from './floors.ts'

/*
 * Forking hosts, and the owner of one share, whose books take back grants of the book before. A book is given to two hosts that would sign
 * with each other, and from then on it is in force. What must never be: two hosts that would sign with each other, both know of no newer book, and
 * would both take an older one.
 */
type Process = ProcessOf<Floors>

/** Without which defences. `doubt`: to say of whose books a host knows nothing. `heed`: to look whether it knows. `named`: as a word is. */
type Without = Lacking | 'several' | 'doubt' | 'heed' | 'own past' | 'named' | 'nothing'

const OWNER = 2
const hosted = { indices: [1, 2, 3], others: [1, 2, 3] }
const floor = (serial: number) => ({ index: OWNER, serial, digest: `book ${serial}` as Digest })

class World extends ForkingHosts<Floors, ToldBooks> {
  readonly #without: Without
  inForce = 0
  /** What the owner has said to these lives: that there is no newer one than this book. */
  words: { serial: number; of: readonly Process[] }[] = []
  /** Quorums that took no older book, though one of them is of a later life. */
  ofLaterLives = 0
  isBroken = false

  constructor(without: Without) {
    super(createFloors, without)
    this.#without = without
  }

  #maker(process: Process): string {
    return this.#without === 'own past' ? process.life.id : this.makerOf(process)
  }

  #knows(process: Process): boolean {
    return this.#without === 'heed' || process.own.isComplete('key', this.#maker(process), OWNER)
  }

  say(from: Process, to: Process): void {
    this.tell(from, to, () => {
      const said = from.own.tell('key', hosted.indices, this.#maker(from))
      return this.#without === 'doubt' ? { ...said, complete: hosted.indices } : said
    })
  }

  learn(told = this.told.at(-1)): void {
    if (told === undefined) return
    const word = { ...told.said, ...this.hear(told) }
    const needed = this.#without === 'several' ? 1 : NEEDED
    told.to.own.learn('key', word, { ...hosted, needed })
  }

  startAll(): void {
    this.alive = []
    for (const identity of [0, 1, 2]) this.start(identity).knowsEpoch = true
  }

  assure(): void {
    this.words.push({ serial: this.inForce, of: this.alive })
  }

  bring({ serial, of }: World['words'][number], to: Process): void {
    if (!of.includes(to) && this.#without !== 'named') return
    if (serial > 0) to.own.note('key', floor(serial))
    to.own.assure('key', OWNER)
  }

  /** Two hosts sign, if they would, and now and then the owner gives both a new book. */
  sign(one: Process, other: Process, isNewBook: boolean): void {
    const quorum = this.quorum(one, other)
    if (quorum === null || !quorum.every((host) => this.#knows(host))) return
    const serials = quorum.map(({ own }) => own.floorsOf('key')[0]?.serial ?? 0)
    if (Math.max(...serials) < this.inForce) this.isBroken = true
    if (this.inForce > 0 && quorum.some((host) => host.life.id !== this.makerOf(host))) this.ofLaterLives += 1
    if (!isNewBook) return
    this.inForce += 1
    for (const { own } of quorum) own.note('key', floor(this.inForce))
  }
}

function act(world: World, draw: (below: number) => number): void {
  const pick = <T>(of: readonly T[]) => of[draw(of.length)]
  if (draw(120) === 0) world.startAll()
  if (draw(60) === 0) world.assure()
  const word = draw(4) === 0 ? pick(world.words) : undefined
  if (word !== undefined) world.bring(word, pick(world.alive)!)
  const gateway = {
    start: (identity: number, beside: boolean) => void world.start(identity, beside),
    vouch: (one: Process) => void (one.knowsEpoch = true),
    tell: (from: Process, to: Process) => world.say(from, to),
    learn: () => world.learn(pick(draw(2) === 0 ? world.told : world.told.slice(-6))),
    use: (one: Process, other: Process) => world.sign(one, other, draw(3) === 0),
  }
  step(world.alive, gateway, draw)
}

function explore(without: Without, runs = 5_000): Readonly<{ broken: number; ofLaterLives: number }> {
  let [broken, ofLaterLives] = [0, 0]
  for (let seed = 1; seed <= runs; seed += 1) {
    const [world, draw] = [new World(without), drawing(seed)]
    for (let steps = 0; steps < 80; steps += 1) act(world, draw)
    if (world.isBroken) broken += 1
    ofLaterLives += world.ofLaterLives
  }
  return { broken, ofLaterLives }
}

describe('an old book', () => {
  it('is taken by no quorum, whatever hosts are forked, restarted and told', () => {
    const { broken, ofLaterLives } = explore('nothing', 10_000)
    expect(broken).toBe(0)
    expect(ofLaterLives).toBeGreaterThan(100)
  })

  it.each<[string, Without]>([
    ['took the word of a life that is over', 'lives'],
    ['took it from one host alone that there is no newer one', 'several'],
    ['took it from hosts that do not know themselves', 'doubt'],
    ['did not wait until enough have told', 'heed'],
    ['took its own life for the one that made the key', 'own past'],
    ['took what the owner has said to other lives', 'named'],
  ])('would be if a host %s', (_, without) => {
    expect(explore(without).broken).toBeGreaterThan(0)
  })
})
