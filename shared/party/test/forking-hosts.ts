import { isSameLife } from '@quorate/shared/verify/lives'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { Life } from '@quorate/shared/wire/identity'
import type { Recollection } from '@quorate/shared/wire/recall'
import { createLives, type Lives } from '../src/lives.ts'

/*
 * Three hosts of a 2-of-3 key, and a gateway that starts, forks and kills them, and carries what they tell now or later. At any time one host at
 * most runs twice, since t forks are a quorum of their own. The rules are the host's own; the gateway's steps are drawn, the same ones in
 * each run of a test. `Own`: what is under test, one for each life. `Said`: what a host tells of it.
 */
export type Process<Own> = Readonly<{ identity: number; life: Life; lives: Lives; own: Own; heard: Set<number> }> & {
  knowsEpoch: boolean
}
export type Told<Own, Said> = Readonly<{
  to: Process<Own>
  from: number
  life: Life
  knowsEpoch: boolean
  said: Said
}> &
  Pick<Recollection['body'], 'lives'>

/** What a host does without. `lives`: to look which is the newest. `hearsay`: to take the newest from others. */
export type Lacking = 'lives' | 'hearsay'

/** n − t + 1. */
export const NEEDED = 2
const identities = [0, 1, 2]
export const keyOf = (identity: number) => `host-${identity}` as SignKey

/** mulberry32. */
export function drawing(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const noLives: Lives = { see: () => undefined, hear: () => undefined, newest: () => null }

export class ForkingHosts<Own, Said> {
  readonly #begin: (life: Life) => Own
  readonly #lacking: string
  readonly #makers: readonly string[]
  now = 1_000
  alive: Process<Own>[] = []
  told: Told<Own, Said>[] = []

  constructor(begin: (life: Life) => Own, lacking: string) {
    this.#begin = begin
    this.#lacking = lacking
    for (const identity of identities) this.start(identity).knowsEpoch = true
    this.#makers = this.alive.map(({ life }) => life.id)
  }

  /** The life of this host that made the key. */
  makerOf({ identity }: Process<Own>): string {
    return this.#makers[identity] ?? ''
  }

  /** Beside the one that runs, or in its place. */
  start(identity: number, beside = false): Process<Own> {
    this.now += 1
    const life: Life = { id: `${this.now}`, startedAt: this.now }
    const lives = this.#lacking === 'lives' ? noLives : createLives()
    const process = { identity, life, lives, own: this.#begin(life), heard: new Set<number>(), knowsEpoch: false }
    const mayFork = identities.every((one) => this.alive.filter(({ identity: of }) => of === one).length < 2)
    this.alive = [...this.alive.filter((one) => one.identity !== identity || (beside && mayFork)), process]
    return process
  }

  tell(from: Process<Own>, to: Process<Own>, said: () => Said): void {
    if (from.identity === to.identity) return
    this.meet(from, to)
    const lives = identities.flatMap((identity) => {
      const life = identity === from.identity ? from.life : from.lives.newest(keyOf(identity))
      return life === null ? [] : { signKey: keyOf(identity), life }
    })
    this.told.push({ to, from: from.identity, life: from.life, knowsEpoch: from.knowsEpoch, lives, said: said() })
  }

  /** Throws where one of them knows a later life of the other. */
  meet(one: Process<Own>, other: Process<Own>): void {
    other.lives.see(keyOf(one.identity), one.life)
    one.lives.see(keyOf(other.identity), other.life)
  }

  /** Gives what makes a word of it. */
  hear({ to, from, life, knowsEpoch, lives }: Told<Own, Said>): { from: number[]; isOver: () => boolean } {
    to.lives.see(keyOf(from), life)
    if (this.#lacking !== 'hearsay')
      for (const one of lives) if (one.signKey !== keyOf(to.identity)) to.lives.hear(one.signKey, one.life)
    if (knowsEpoch) to.heard.add(from)
    if (to.heard.size >= NEEDED) to.knowsEpoch = true
    return { from: [from + 1], isOver: () => !isSameLife(to.lives.newest(keyOf(from)) ?? life, life) }
  }

  /** Two hosts that would sign with each other. Null: they refuse. */
  quorum(one: Process<Own>, other: Process<Own>): readonly Process<Own>[] | null {
    const both = [one, other]
    if (one.identity === other.identity || both.some(({ knowsEpoch }) => !knowsEpoch)) return null
    this.meet(one, other)
    return both
  }
}

export type Gateway<Own> = Readonly<{
  start: (identity: number, beside: boolean) => void
  /** Enough participants have said which epoch is in force. */
  vouch: (one: Process<Own>) => void
  tell: (from: Process<Own>, to: Process<Own>) => void
  learn: () => void
  use: (one: Process<Own>, other: Process<Own>) => void
}>

/** A step of the gateway. What a host refuses changes nothing. */
export function step<Own>(
  alive: readonly Process<Own>[],
  gateway: Gateway<Own>,
  draw: (below: number) => number,
): void {
  const pick = <T>(of: readonly T[]) => of[draw(of.length)] as T
  const [one, other] = [pick(alive), pick(alive)]
  try {
    const wish = draw(100)
    if (wish < 3) gateway.start(draw(3), false)
    else if (wish < 10) gateway.start(draw(3), true)
    else if (wish < 13) gateway.vouch(one)
    else if (wish < 45) gateway.tell(one, other)
    else if (wish < 80) gateway.learn()
    else gateway.use(one, other)
  } catch {
    // Refused.
  }
}
