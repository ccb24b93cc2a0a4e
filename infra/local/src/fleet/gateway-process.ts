import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeStorageKey } from '@quorate/gateway/storage-key'
import { makeDatabase } from '@quorate/gateway/store/make-database'
import * as z from 'zod'
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
  host?: string | undefined
  /** Further `QUORATE_*` variables. */
  env: Readonly<Record<string, string>>
  /** A source file that is run in place of the gateway's own. */
  source?: string | undefined
  /** Further arguments of Node. */
  nodeArgs?: readonly string[] | undefined
}>

/** The gateway before these enclaves, which is reached on the loopback. Throws a `FleetError` when the port is taken. */
export async function gatewayCommand(
  state: StateFolder,
  hosts: readonly Pick<EnclaveHost, 'enclaveId' | 'address'>[],
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
    QUORATE_LISTEN: `${settings.host ?? '127.0.0.1'}:${port}`,
    QUORATE_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
    QUORATE_PUBLIC_URL: url,
    QUORATE_DATABASE: database,
    QUORATE_STORAGE_KEY_FILE: await storageKeyFile(state, database),
    QUORATE_ENCLAVES: hosts.map(({ enclaveId, address }) => `${enclaveId}=${address}`).join(','),
    ...settings.env,
  }
  const { source, nodeArgs = [] } = settings
  const command = nodeCommand({
    name: 'gateway',
    args: [...nodeArgs, ...(source === undefined ? entry('gateway', 'main') : ['--conditions=source', source])],
    env,
    log: join(state.logs, 'gateway.log'),
    probe: async () => (await get(`${url}/healthz`)) !== null,
  })
  return { command, url, metricsUrl, database }
}

/** Gives the file of the storage key. A gateway that has none yet is new, and gets a database with it. One that was lost is not replaced. */
async function storageKeyFile(state: StateFolder, database: string): Promise<string> {
  const path = join(state.gateway, 'storage.key')
  if (!existsSync(path)) await makeDatabase(database, await makeStorageKey(path))
  return path
}

const Readiness = z.object({ ready: z.boolean(), enclaves: z.record(z.string(), z.string()) })

/** Whether the gateway is ready, and every enclave with it: it calls itself ready when one is. */
export async function allReady(url: string): Promise<boolean> {
  const readiness = Readiness.safeParse(await get(`${url}/readyz`))
  return (
    readiness.success && readiness.data.ready && Object.values(readiness.data.enclaves).every((is) => is === 'ready')
  )
}

/** The JSON that a GET gives, or null when it fails. */
const get = (url: string): Promise<unknown> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
