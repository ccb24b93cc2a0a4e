import type { Frame } from '@quorate/shared/wire/frame'

/** Calls of one connection that may wait or be under way at once. */
const MOST = 256

type Waiting = Readonly<{ frame: Frame; arrivedAt: number }>

/** `begin` answers a call and never rejects. */
export type CallPorts = Readonly<{
  begin: (frame: Frame, isLate: () => boolean) => Promise<void>
  room: (is: boolean) => void
}>

/**
 * The calls of one connection, in their order. One begins in each turn of the event loop, so that the end of the connection is heard in
 * between: nobody waits any more for calls that have not begun by then, and they are dropped, as is a call whose deadline is over. A call
 * that has begun goes on to its end, since its state would be left halfway. `room` is told when no more calls fit, and when some do again.
 */
export class Calls {
  readonly #ports: CallPorts
  readonly #waiting: Waiting[] = []
  #underWay = 0
  #turn: NodeJS.Immediate | null = null

  constructor(ports: CallPorts) {
    this.#ports = ports
  }

  add(frame: Frame): void {
    this.#waiting.push({ frame, arrivedAt: performance.now() })
    if (this.#size() >= MOST) this.#ports.room(false)
    if (this.#turn === null) this.#turn = setImmediate(() => this.#next())
  }

  /** The connection is gone. */
  drop(): void {
    this.#waiting.length = 0
  }

  #size = (): number => this.#waiting.length + this.#underWay

  #next(): void {
    this.#turn = null
    const call = this.#waiting.shift()
    if (call === undefined) return
    if (this.#waiting.length > 0) this.#turn = setImmediate(() => this.#next())
    const { frame, arrivedAt } = call
    const isLate = () => frame.deadline > 0 && performance.now() - arrivedAt > frame.deadline
    this.#underWay += 1
    const ended = () => {
      this.#underWay -= 1
      if (this.#size() < MOST) this.#ports.room(true)
    }
    if (isLate()) ended()
    else void this.#ports.begin(frame, isLate).finally(ended)
  }
}
