import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepRunning } from '@quorate/local/fleet/child'
import { allReady, gatewayCommand } from '@quorate/local/fleet/gateway-process'
import { openStateFolder } from '@quorate/local/fleet/state-folder'
import type { Instance } from './instance.ts'

/** The gateway as a process of its own, as `make fleet` starts it, with enclaves behind hybrid sockets. */
export type Gateway = Readonly<{
  url: string
  /** Resolves when every enclave is ready. Rejects with the log when that takes longer than any machine here. */
  ready: () => Promise<void>
  stop: () => Promise<void>
}>

/** In ms. */
const patience = 120_000

/** `more`: further `QUORATE_*` variables. */
export async function startGateway(
  folder: string,
  instances: readonly Instance[],
  more: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const env = { QUORATE_RATE_LIMIT: '1000000', QUORATE_ROUND_TIMEOUT_MS: '20000', ...more }
  const { url, command } = await gatewayCommand(openStateFolder(folder), instances, { port: 0, env })
  const child = keepRunning(command, () => undefined)
  return {
    url,
    ready: async () => {
      const limit = performance.now() + patience
      while (!(await allReady(url))) {
        if (performance.now() > limit)
          throw new Error(`not all are ready:\n${readFileSync(command.log, 'utf8').slice(-4_000)}`)
        await sleep(200)
      }
    },
    stop: () => child.stop(5_000),
  }
}
