import { join } from 'node:path'
import { requireNode } from '@quorate/gateway/require-node'
import { projectFolder } from './entry.ts'
import { FleetError } from './events.ts'
import { startFleet } from './fleet.ts'
import { loopbackPages } from './loopback-pages.ts'
import { requireSimulator } from './provider.ts'
import { createScreen, hints } from './screen.ts'

requireNode()

const {
  PORT = '3000',
  STATE = '.fleet',
  HSM_PROVIDER = 'simulator',
  CORS,
  PUBLIC_URL,
  HOST = '127.0.0.1',
} = process.env
const say = (text: string) => void process.stdout.write(text + '\n')

/** What a fleet could not start for, as a person reads it. */
function explain(error: unknown): string {
  if (error instanceof FleetError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : 'unknown failure'
}

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())

async function run(): Promise<void> {
  requireSimulator(HSM_PROVIDER)
  const port = Number(PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new FleetError(`PORT is no port: ${PORT}`)
  const show = createScreen()
  say(`Quorate on this machine: KMS stand-in, three enclaves, one gateway. State in ${STATE}\n`)
  const onEvent = (event: Parameters<typeof show>[0]) => {
    const line = show(event)
    if (line !== null) say(line)
  }
  const gatewayEnv = {
    QUORATE_CORS_ORIGIN: CORS || loopbackPages,
    ...(PUBLIC_URL ? { QUORATE_PUBLIC_URL: PUBLIC_URL, QUORATE_TRUSTED_PROXIES: '1' } : {}),
  }
  const fleet = await startFleet({ port, host: HOST, state: STATE, gatewayEnv, onEvent, signal: stopping.signal })
  const cli = join(projectFolder, 'client-sdk/dist/src/cli/main.js')
  const { url, metricsUrl, trustPath: trust } = fleet
  say(hints({ url, metricsUrl, trust, logs: join(fleet.state, 'logs'), cli }))
  await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve))
  await fleet.stop()
}

try {
  await run()
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(explain(error) + '\n')
    process.exitCode = 1
  }
}
