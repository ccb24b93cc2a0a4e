// eslint-disable-next-line no-restricted-imports -- what other processes do tells nobody here
import { setTimeout as sleep } from 'node:timers/promises'

/** Looks again and again until it holds, as long as the test may take. Only where nothing tells that it changed. */
export async function pollUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20, undefined, { ref: false })
}
