import { onTestFailed } from 'vitest'

const looks = new Set<() => void>()

/** Says that something happened. Whoever waits in `until` looks again when the present turn is over. */
export function noticed(): void {
  queueMicrotask(() => {
    for (const look of [...looks]) look()
  })
}

/**
 * Waits until `condition` holds, as long as the test may take. No clock is asked: whatever changes the condition calls `noticed`.
 * A test that ends in vain says what it waited for.
 */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  let held = false
  onTestFailed(() => {
    if (!held) throw new Error(`waited in vain for ${what}`)
  })
  await new Promise<void>((resolve) => {
    const look = () => {
      if (!condition()) return
      looks.delete(look)
      resolve()
    }
    looks.add(look)
    look()
  })
  held = true
}

/** A whole turn of the event loop: what had come to a socket of this process before has been read after it. */
export async function turn(): Promise<void> {
  for (let n = 0; n < 2; n += 1) await new Promise(setImmediate)
}
