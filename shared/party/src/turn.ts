/** Runs what it is given one after the other. */
export type Turn = <T>(act: () => Promise<T>) => Promise<T>

/** `before`: awaited before each. */
export function createTurn(before?: () => Promise<void>): Turn {
  let last: Promise<unknown> = Promise.resolve()
  return (act) => {
    const begin = before === undefined ? act : () => before().then(act)
    const mine = last.then(begin, begin)
    last = mine
    return mine
  }
}
