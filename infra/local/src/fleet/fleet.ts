import { setTimeout as sleep } from 'node:timers/promises'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { loadOrCreateChain } from '../nsm/development-root.ts'
import { keepRunning, signalGroup, type Child } from './child.ts'
import { findSocat, hostEnclave } from './enclave-host.ts'
import { FleetError, type OnFleetEvent } from './events.ts'
import { answers, gatewayCommand } from './gateway-process.ts'
import { openImage } from './image.ts'
import { kmsCommand } from './kms-process.ts'
import { lockState } from './lock.ts'
import { openStateFolder, type StateFolder } from './state-folder.ts'
import { writeTrust } from './trust-file.ts'

export type FleetOptions = Readonly<{
  /** Of the gateway; 0: any that is free. */
  port: number
  /** The folder that everything is kept in. The same folder gives the same identities and keys. */
  state: string
  /** How many. */
  enclaves?: number
  /** socat before each enclave, as vsock would be. When it is installed, unless this says otherwise. */
  socat?: boolean
  /** Further `QUORATE_*` variables for the gateway. */
  gatewayEnv?: Readonly<Record<string, string>>
  onEvent?: OnFleetEvent
}>

/** A running fleet. Names: `kms`, `gateway`, `enclave-N`, and `vsock-enclave-N` where there is socat. */
export type Fleet = Readonly<{
  url: string
  metricsUrl: string
  trust: TrustPolicy
  trustPath: string
  state: string
  /** The gateway's database file. */
  database: string
  names: readonly string[]
  enclaveIds: readonly string[]
  pidOf: (name: string) => number | undefined
  /** What dies comes back by itself. SIGKILL when nothing is said. */
  kill: (name: string, signal?: NodeJS.Signals) => void
  pause: (name: string) => void
  resume: (name: string) => void
  /** Resolves when a key can be made: the gateway answers and every enclave is ready. Throws a `FleetError` after `timeout` ms. */
  ready: (timeout?: number) => Promise<void>
  /** Ends everything within five seconds. */
  stop: () => Promise<void>
}>

const ignore: OnFleetEvent = () => undefined

/**
 * Starts a whole fleet on this machine: KMS stand-in, enclaves, gateway, each a process of its own that is started again
 * when it dies. Resolves when a key can be made. Throws a `FleetError` that says what to do.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { onEvent = ignore } = options
  const startedAt = performance.now()
  const state = openStateFolder(options.state)
  const unlock = lockState(state.root)
  const closers: (() => Promise<void> | void)[] = [state.tidy, unlock]
  const crew = createCrew(onEvent)
  const stop = once(async () => {
    const stoppingAt = performance.now()
    onEvent({ type: 'stopping' })
    await crew.stop()
    for (const close of closers) await close()
    onEvent({ type: 'stopped', after: Math.round(performance.now() - stoppingAt) })
  })
  try {
    const fleet = await launch(options, state, { crew, closers, onEvent })
    await fleet.ready()
    onEvent({ type: 'fleet.ready', url: fleet.url, after: Math.round(performance.now() - startedAt) })
    return { ...fleet, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Crew = ReturnType<typeof createCrew>
type Parts = Readonly<{ crew: Crew; closers: (() => Promise<void> | void)[]; onEvent: OnFleetEvent }>

async function launch(
  { port, enclaves = 3, socat = true, gatewayEnv = {} }: FleetOptions,
  state: StateFolder,
  { crew, closers, onEvent }: Parts,
): Promise<Omit<Fleet, 'stop'>> {
  const chain = await loadOrCreateChain(state.hypervisor)
  const image = await openImage(state.root, chain.rootPem)
  const { trust, path, renewed } = await writeTrust(state.root, chain.rootPem, image.measurements)
  onEvent({ type: 'measured', measurements: image.measurements, renewed })

  const kms = await kmsCommand(state, image.kmsPort, trust)
  const enclaveIds = Array.from({ length: enclaves }, (_, at) => `enclave-${at}`)
  const relay = socat ? findSocat() : null
  const hosts = []
  for (const id of enclaveIds) {
    const host = await hostEnclave(id, { state, image, chain, socat: relay })
    closers.unshift(host.closeNsm)
    hosts.push(host)
  }
  const gateway = await gatewayCommand(state, hosts, { port, env: gatewayEnv })
  const { url, metricsUrl, database } = gateway

  await crew.start([kms, ...hosts.flatMap(({ commands }) => commands)])
  await crew.start([gateway.command])
  const { names, pidOf, signal } = crew
  return {
    ...{ url, metricsUrl, database, trust, trustPath: path, state: state.root, names, enclaveIds, pidOf },
    kill: (name, what = 'SIGKILL') => signal(name, what),
    pause: (name) => signal(name, 'SIGSTOP'),
    resume: (name) => signal(name, 'SIGCONT'),
    ready: (timeout = 60_000) => untilReady(url, timeout, state.logs),
  }
}

async function untilReady(url: string, timeout: number, logs: string): Promise<void> {
  const deadline = performance.now() + timeout
  while (!(await answers(`${url}/readyz`))) {
    if (performance.now() > deadline) throw new FleetError(`the fleet is not ready after ${timeout} ms: see ${logs}`)
    await sleep(25)
  }
}

const graceOfGateway = 3_000
const graceOfOthers = 1_000

/** The processes of a fleet, by name. */
function createCrew(onEvent: OnFleetEvent) {
  const crew = new Map<string, Child>()
  const names: string[] = []
  const one = (name: string): Child => {
    const child = crew.get(name)
    if (child === undefined) throw new FleetError(`there is no ${name}: ${names.join(', ')}`)
    return child
  }
  // Whatever ends this process: nothing that it started stays.
  const atExit = () => {
    for (const child of crew.values()) signalGroup(child.pid(), 'SIGKILL')
  }
  process.once('exit', atExit)
  return {
    names,
    pidOf: (name: string) => one(name).pid(),
    signal: (name: string, signal: NodeJS.Signals) => one(name).signal(signal),
    start: async (commands: readonly Parameters<typeof keepRunning>[0][]) => {
      const started = commands.map((command) => {
        const child = keepRunning(command, onEvent)
        names.push(command.name)
        crew.set(command.name, child)
        return child
      })
      await Promise.all(started.map((child) => child.ready()))
    },
    /** The gateway first, so that it can finish what it has begun. */
    stop: async () => {
      await crew.get('gateway')?.stop(graceOfGateway)
      const others = [...crew.values()].filter(({ name }) => name !== 'gateway')
      await Promise.all(others.map((child) => child.stop(graceOfOthers)))
      process.off('exit', atExit)
    },
  }
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined
  return () => (done ??= act())
}
