import { setTimeout as rest } from 'node:timers/promises'
import type { Says } from '@quorate/shared/ceremonies/ceremony'
import type { HostMethod } from '@quorate/shared/ceremonies/host-methods'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { Asking, Course, RoundOf, Session, Terms } from './course.ts'
import { isAskedAgain, questionOf, type Ask, type Event } from './machine.ts'
import type { EnginePorts } from './ports.ts'
import { timeLimit } from './time-limit.ts'
import { untilReady } from './until-ready.ts'

type At<T extends Terms, R> = Extract<Asking<T>, { round: R }>

/** Makes the host in this seat able to answer, after it has refused with this code. Then it is asked once more. */
export type Mend<T extends Terms> = readonly [RefusalCode, (s: Session<T>, seat: Seat) => Promise<unknown>]

/** What a course cannot do since it is pure: look things up, verify signatures, help a host that has forgotten. */
export type Aid<T extends Terms> = Readonly<{
  /** In the order in which they are tried: a later one is followed by the earlier ones again. */
  mends: (round: RoundOf<T>) => readonly Mend<T>[]
  /** What the question lacks. */
  bring?: { readonly [R in RoundOf<T>]?: (s: Session<T>, at: At<T, R>, index: number) => Promise<object> }
  /** Rejects with a `Refusal` when an answer is not what it claims to be. */
  verify?: {
    readonly [R in RoundOf<T>]?: (
      s: Session<T>,
      at: At<T, R>,
      answer: Readonly<{ index: number; says: Says<T['ceremony'], R> }>,
    ) => Promise<void>
  }
  /** Has what a session pauses for come? Asked whenever the session is looked at. */
  isFree?: (s: Session<T>) => boolean
  /** What a host's failure means, when it is not what it seems. */
  reads?: (s: Session<T>, error: unknown) => Promise<unknown>
}>

const FIRST_REST_MS = 100
const LONGEST_REST_MS = 1_000
/** A host that is away is looked for so often, beside the moment when it comes back. */
const LONGEST_AWAY_MS = 30_000

/** Runs `call`, and once more after `mend`, should the host refuse it with `code`: it has forgotten, and is told again. */
export async function afterMending<T>(code: string, mend: () => Promise<unknown>, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== code) throw error
    await mend()
    return call()
  }
}

/** What a session is told of a call that failed. A host that is not well is remembered; a fault of ours is logged. */
export function refusalOf(
  { journal, health }: Pick<EnginePorts, 'journal' | 'health'>,
  { where, host, error }: Readonly<{ where: string; host: HostId; error: unknown }>,
): { code: RefusalCode; culprits: readonly number[] } {
  const known = error instanceof Refusal
  const code = known ? error.code : 'enclave.failed'
  if (!known) journal.faulted({ where, error })
  if (health.failed(host, code)) journal.hostFailed({ host, code })
  return { code, culprits: known ? error.culprits : [] }
}

/** Puts the questions of one session to its hosts. */
export class Asker<T extends Terms> {
  readonly #course: Course<T>
  readonly #aid: Aid<T>
  readonly #ports: EnginePorts
  #introduction: { attempt: number; done: Promise<void> } | null = null

  constructor(course: Course<T>, aid: Aid<T>, ports: EnginePorts) {
    this.#course = course
    this.#aid = aid
    this.#ports = ports
  }

  /** What came of asking. Never rejects. */
  async perform(s: Session<T>, effect: Ask<T>): Promise<Event<T>> {
    const { attempt, index, tries } = effect
    const seat = s.seats[index - 1]
    const { stage } = s
    if (seat === undefined || stage.name !== 'asking') throw new Error('asked of nobody')
    const { health } = this.#ports
    if (isAskedAgain(this.#course, stage)) {
      if (tries > 0) await this.#rest(seat.host, tries)
      // One that is stuck is asked for nothing before it has answered a hello.
      if (!health.available().includes(seat.host))
        return { type: 'refused', attempt, index, code: 'enclave.unreachable', culprits: [] }
    }
    try {
      const says = await this.#ask(s, stage, seat)
      health.worked(seat.host)
      return { type: 'said', round: stage.round, attempt, index, says } as Event<T>
    } catch (error) {
      const cause = (await this.#aid.reads?.(s, error)) ?? error
      const where = this.#course.of.kind
      return { type: 'refused', attempt, index, ...refusalOf(this.#ports, { where, host: seat.host, error: cause }) }
    }
  }

  async #ask(s: Session<T>, stage: Asking<T>, seat: Seat): Promise<unknown> {
    const { kind } = this.#course.of
    const { index, host } = seat
    const asked = questionOf(this.#course, s, stage, index)
    const question: object = { ...asked, ...(await this.#aid.bring?.[stage.round]?.(s, stage, index)) }
    await this.#introduce(s, stage)
    const { hosts, timeoutMs } = this.#ports
    const method = `${kind}.${stage.round}` as HostMethod
    const row = this.#course.of.rounds[stage.round]
    const long = row !== undefined && row.who !== 'nobody' && row.long === true
    const limit = timeLimit(timeoutMs, { seats: s.seats, host, long })
    let call = (): Promise<unknown> => hosts.ask(host, method, question as never, limit)
    for (const [code, mend] of this.#aid.mends(stage.round)) {
      const before = call
      call = () => afterMending(code, () => mend(s, seat), before)
    }
    const says = await call()
    await this.#aid.verify?.[stage.round]?.(s, stage, { index, says: says as never })
    return says
  }

  /** Runs mutual attestation once per attempt; later callers share that run. */
  async #introduce(s: Session<T>, { round }: Asking<T>): Promise<void> {
    const row = this.#course.of.rounds[round]
    if (row === undefined || row.who === 'nobody' || !row.acquainted) return
    const { attempt, seats } = s
    if (this.#introduction?.attempt !== attempt) {
      const done = this.#ports.hosts.introduce([...new Set(seats.map(({ host }) => host))])
      const introduction = { attempt, done }
      this.#introduction = introduction
      done.catch(() => {
        if (this.#introduction === introduction) this.#introduction = null
      })
    }
    await this.#introduction.done
  }

  /** A host that is away is asked again when it is back; one that could not answer yet, after a while. */
  async #rest(host: HostId, tries: number): Promise<void> {
    const { hosts } = this.#ports
    const ms = Math.min(FIRST_REST_MS * 2 ** (tries - 1), LONGEST_REST_MS)
    if (hosts.state(host) === 'ready') await rest(ms, undefined, { ref: false })
    else await untilReady(hosts, [host], LONGEST_AWAY_MS)
  }
}
