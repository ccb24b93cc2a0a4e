import { QuorateError } from '../errors.ts'

/** The time that one run has. It does not pass while a person is asked. */
export type Deadline = Readonly<{
  /** Aborts with `wait.timeout` once the time is over. */
  signal: AbortSignal
  pause: () => void
  go: () => void
}>

/** What a timer takes at most, ms. */
const longest = 2 ** 31 - 1

/** `ms`: without it, the time never ends. */
export function createDeadline(ms = Infinity): Deadline {
  const over = new AbortController()
  let left = ms
  let began = 0
  let timer: NodeJS.Timeout | undefined
  const deadline: Deadline = {
    signal: over.signal,
    pause() {
      if (timer === undefined) return
      clearTimeout(timer)
      timer = undefined
      left -= performance.now() - began
    },
    go() {
      if (timer !== undefined || left > longest) return
      began = performance.now()
      timer = setTimeout(() => over.abort(new QuorateError('wait.timeout', 'client')), Math.max(0, left))
      timer.unref()
    },
  }
  deadline.go()
  return deadline
}
