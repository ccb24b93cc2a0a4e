import type { z } from 'zod/mini'

/** A round that the gateway ends by itself, from what the round before has given. Nobody is asked. */
type Pause = Readonly<{ who: 'nobody' }>

/**
 * A round in which hosts are asked the same question, each in its seat. `who`: every seat, or the quorum.
 * `loss`: what a lost host costs, which is a new attempt of all, or the same question to that host again.
 * `acquainted`: hosts answer only after they have verified each other. `long`: what a seat computes grows with the square of the
 * number of participants, and the seats of a host take turns.
 */
type Turn = Readonly<{
  asks: z.ZodMiniType
  says: z.ZodMiniType
  who: 'all' | 'quorum'
  loss: 'new_attempt' | 'ask_again'
  acquainted?: true
  long?: true
}>

export type Round = Pause | Turn

/** Who says what in which round. The rounds stand in their order; a host's methods are made from them. */
export type Ceremony = Readonly<{ kind: string; rounds: Readonly<Record<string, Round>> }>

/** Keeps the types of a ceremony as they stand. */
export const ceremony = <const C extends Ceremony>(c: C): C => c

export type RoundName<C extends Ceremony> = keyof C['rounds'] & string
type RoundOf<C extends Ceremony, R> = R extends RoundName<C> ? C['rounds'][R] : never

/** What a host is asked in a round, parsed; `never` in a round that asks nobody. */
export type Asks<C extends Ceremony, R> =
  RoundOf<C, R> extends { asks: infer A extends z.ZodMiniType } ? z.infer<A> : never
/** What a host answers in a round, parsed; `never` in a round that asks nobody. */
export type Says<C extends Ceremony, R> =
  RoundOf<C, R> extends { says: infer S extends z.ZodMiniType } ? z.infer<S> : never

type TurnName<C extends Ceremony> = {
  [R in RoundName<C>]: C['rounds'][R] extends Turn ? R : never
}[RoundName<C>]

/** The methods that a ceremony gives a host: `kind.round`, with what goes in and what comes out. */
export type MethodsOf<C extends Ceremony> = {
  readonly [R in TurnName<C> as `${C['kind']}.${R}`]: Readonly<{
    params: Extract<C['rounds'][R], Turn>['asks']
    result: Extract<C['rounds'][R], Turn>['says']
  }>
}

/** The methods of its `long` rounds. */
export const longMethodsOf = ({ kind, rounds }: Ceremony): string[] =>
  Object.entries(rounds).flatMap(([name, round]) => (round.who !== 'nobody' && round.long ? [`${kind}.${name}`] : []))

export function methodsOf<C extends Ceremony>({ kind, rounds }: C): MethodsOf<C> {
  const methods = Object.entries(rounds).flatMap(([name, round]) =>
    round.who === 'nobody' ? [] : [[`${kind}.${name}`, { params: round.asks, result: round.says }]],
  )
  return Object.fromEntries(methods) as MethodsOf<C>
}
