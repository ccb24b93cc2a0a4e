import { once } from 'node:events'
import { readFileSync, watch } from 'node:fs'

/** Waits until this file holds it, as long as the test may take: looks again whenever somebody has written to it. */
export async function untilWritten(path: string, holds: (text: string) => boolean): Promise<string> {
  const watcher = watch(path)
  try {
    for (;;) {
      const change = once(watcher, 'change')
      const text = readFileSync(path, 'utf8')
      if (holds(text)) return text
      await change
    }
  } finally {
    watcher.close()
  }
}
