import { keepRunning } from '@quorate/local/fleet/child'
import { allReady, gatewayCommand } from '@quorate/local/fleet/gateway-process'
import { openStateFolder } from '@quorate/local/fleet/state-folder'
import { pollUntil } from '../../../../shared/test/poll.js'
import type { Instance } from './instance.ts'

/** The gateway as a process of its own, as `make fleet` starts it, with enclaves behind hybrid sockets. */
export type Gateway = Readonly<{
  url: string
  /** The file that it logs to. */
  log: string
  /** Resolves when every enclave is ready. */
  ready: () => Promise<void>
  stop: () => Promise<void>
}>

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
    log: command.log,
    ready: () => pollUntil(() => allReady(url)),
    stop: () => child.stop(5_000),
  }
}
