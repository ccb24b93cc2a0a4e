import type { Says } from '@quorate/shared/ceremonies/ceremony'
import type { HostMethod } from '@quorate/shared/ceremonies/host-methods'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { Asking, Course, RoundOf, Session, Terms } from './course.ts'
import { isAskedAgain, questionOf, type Ask, type Event } from './machine.ts'
import type { EnginePorts } from './ports.ts'
import { Rests } from './rests.ts'
import { timeLimit } from './time-limit.ts'

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
  /** Takes what the hosts of this quorum have given ahead for its next attempt. */
  ready?: (s: Session<T>, quorum: readonly number[]) => T['ready'] | undefined
  /** Has what a session pauses for come? Asked whenever the session is looked at. */
  isFree?: (s: Session<T>) => boolean
  /** What a host's failure means, when it is not what it seems. */
  reads?: (s: Session<T>, error: unknown) => Promise<unknown>
}>

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

/** What a session is told of a call that failed, and whether the host is well: one that is not is remembered. A fault of ours is logged. */
export function refusalOf(
  { journal, health }: Pick<EnginePorts, 'journal' | 'health'>,
  { where, host, error }: Readonly<{ where: string; host: HostId; error: unknown }>,
): { code: RefusalCode; culprits: readonly number[]; isWell: boolean } {
  const known = error instanceof Refusal
  const code = known ? error.code : 'enclave.failed'
  if (!known) journal.faulted({ where, error })
  const isWell = !health.failed(host, code)
  if (!isWell) journal.hostFailed({ host, code })
  return { code, culprits: known ? error.culprits : [], isWell }
}

/** Puts the questions of one session to its hosts. */
export class Asker<T extends Terms> {
  readonly #course: Course<T>
  readonly #aid: Aid<T>
  readonly #ports: EnginePorts
  readonly #rests: Rests
  #introduction: { attempt: number; done: Promise<void> } | null = null

  constructor(course: Course<T>, aid: Aid<T>, ports: EnginePorts) {
    this.#course = course
    this.#aid = aid
    this.#ports = ports
    this.#rests = new Rests(ports.hosts)
  }

  /** What came of asking. Never rejects. */
  async perform(s: Session<T>, effect: Ask<T>): Promise<Event<T>> {
    const { attempt, index, tries } = effect
    const seat = s.seats[index - 1]
    const { stage } = s
    if (seat === undefined || stage.name !== 'asking') throw new Error('asked of nobody')
    const { health } = this.#ports
    if (isAskedAgain(this.#course, stage)) {
      if (tries > 0) await this.#rests.before(effect, seat.host, s.seats)
      // One that is stuck is asked for nothing before it has answered a hello.
      if (!health.available().includes(seat.host))
        return { type: 'refused', attempt, index, code: 'enclave.unreachable', culprits: [] }
    }
    try {
      const says = await this.#ask(s, stage, seat)
      health.worked(seat.host)
      this.#rests.answered(index)
      return { type: 'said', round: stage.round, attempt, index, says } as Event<T>
    } catch (error) {
      const cause = (await this.#aid.reads?.(s, error)) ?? error
      const where = this.#course.of.kind
      const { code, culprits, isWell } = refusalOf(this.#ports, { where, host: seat.host, error: cause })
      this.#rests.refused(effect, isWell)
      return { type: 'refused', attempt, index, code, culprits }
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
    const limit = timeLimit(timeoutMs, { seats: s.seats, host, long, items: this.#course.items?.(s) ?? 1 })
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
}
