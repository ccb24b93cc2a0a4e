import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from './child.ts'
import type { EnclaveHost } from './enclave-host.ts'
import { entry } from './entry.ts'
import { nodeCommand } from './node-command.ts'
import { freePort, requirePort } from './ports.ts'
import type { StateFolder } from './state-folder.ts'

export type GatewayProcess = Readonly<{ command: Command; url: string; metricsUrl: string; database: string }>

export type GatewaySettings = Readonly<{
  /** 0: any that is free. */
  port: number
  /** Further `QUORATE_*` variables. */
  env: Readonly<Record<string, string>>
}>

/** The gateway on the loopback, before these enclaves. Throws a `FleetError` when the port is taken. */
export async function gatewayCommand(
  state: StateFolder,
  hosts: readonly EnclaveHost[],
  settings: GatewaySettings,
): Promise<GatewayProcess> {
  const port = await requirePort(
    settings.port,
    `stop what listens there, or choose another: PORT=${settings.port + 1} make fleet`,
  )
  const metricsPort = await freePort()
  const [url, metricsUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${metricsPort}`]
  const database = join(state.gateway, 'quorate.db')
  const env = {
    QUORATE_LISTEN: `127.0.0.1:${port}`,
    QUORATE_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
    QUORATE_PUBLIC_URL: url,
    QUORATE_DATABASE: database,
    QUORATE_STORAGE_KEY_FILE: storageKeyFile(state),
    QUORATE_ENCLAVES: hosts.map(({ enclaveId, address }) => `${enclaveId}=${address}`).join(','),
    ...settings.env,
  }
  const command = nodeCommand({
    name: 'gateway',
    args: entry('gateway', 'main'),
    env,
    log: join(state.logs, 'gateway.log'),
    probe: () => answers(`${url}/healthz`),
  })
  return { command, url, metricsUrl, database }
}

function storageKeyFile(state: StateFolder): string {
  const path = join(state.gateway, 'storage.key')
  if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600 })
  return path
}

/** Whether a GET there succeeds. */
export const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok
    },
    () => false,
  )
