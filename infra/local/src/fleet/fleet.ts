import { setTimeout as sleep } from 'node:timers/promises'
import type { Release } from '@quorate/enclave/policy/release'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { loadOrCreateChain } from '../nsm/development-root.ts'
import { loadOrCreateTls } from '../nsm/tls.ts'
import { createCrew, type Crew } from './crew.ts'
import { findSocat, hostEnclave, type EnclaveHost } from './enclave-host.ts'
import { FleetError, type OnFleetEvent } from './events.ts'
import { allReady, gatewayCommand } from './gateway-process.ts'
import { openImage } from './image.ts'
import { kmsCommand } from './kms-process.ts'
import { reapLeftovers } from './leftovers.ts'
import { lockState } from './lock.ts'
import { openStateFolder, type StateFolder } from './state-folder.ts'
import { writeTrust } from './trust-file.ts'

export type FleetOptions = Readonly<{
  /** Of the gateway; 0: any that is free. */
  port: number
  /** Where the gateway listens: on the loopback, or in a container on all that it has. */
  host?: string
  /** The folder that everything is kept in. The same folder gives the same identities and keys. */
  state: string
  /** How many. */
  enclaves?: number
  /** socat before each enclave, as vsock would be. When it is installed, unless this says otherwise. */
  socat?: boolean
  /** Requests per minute and address that the gateway takes. */
  rateLimit?: number
  /** Further `QUORATE_*` variables for the gateway. */
  gatewayEnv?: Readonly<Record<string, string>>
  /** Source files (absolute paths) that are run instead: other compositions of the gateway, of every enclave, of KMS, for tests. */
  sources?: Readonly<{ gateway?: string; enclave?: string; next?: string; kms?: string }>
  /** Further arguments of Node for gateway and enclaves, as a profiler wants them. */
  nodeArgs?: readonly string[]
  /** Whose manifests the enclaves take; nobody's, unless this says otherwise. Measured into them. */
  release?: Release
  onEvent?: OnFleetEvent
  /** Stops the fleet, also while it starts. */
  signal?: AbortSignal
}>

/** A running fleet. Names: `kms`, `gateway`, `enclave-N`, and `vsock-enclave-N` where there is socat. */
export type Fleet = Readonly<{
  url: string
  metricsUrl: string
  trust: TrustPolicy
  trustPath: string
  /** Of the image that enclaves can be moved to, when there is one. */
  next: Measurements | null
  state: string
  /** The gateway's database file. */
  database: string
  names: readonly string[]
  enclaveIds: readonly string[]
  /** Where this enclave is reached, as its gateway reaches it. */
  addressOf: (enclaveId: string) => string
  pidOf: (name: string) => number | undefined
  /** What dies comes back by itself. SIGKILL when nothing is said. */
  kill: (name: string, signal?: NodeJS.Signals) => void
  /** Kills it, and leaves it dead until it is restored. */
  lose: (name: string) => void
  restore: (name: string) => void
  pause: (name: string) => void
  resume: (name: string) => void
  /** Starts this enclave again, of the image that the fleet began with or of the next one. */
  move: (enclaveId: string, to: 'first' | 'next') => Promise<void>
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
  const leftovers = reapLeftovers(state.root)
  const closers: (() => Promise<void> | void)[] = [state.tidy, leftovers.forget, unlock]
  const crew = createCrew((event) => {
    if (event.type === 'started' && event.name.startsWith('vsock-')) leftovers.remember(event.name, event.pid)
    onEvent(event)
  })
  const stop = once(async () => {
    const stoppingAt = performance.now()
    onEvent({ type: 'stopping' })
    await crew.stop()
    for (const close of closers) await close()
    onEvent({ type: 'stopped', after: Math.round(performance.now() - stoppingAt) })
  })
  options.signal?.addEventListener('abort', () => void stop(), { once: true })
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

type Parts = Readonly<{ crew: Crew; closers: (() => Promise<void> | void)[]; onEvent: OnFleetEvent }>

async function launch(options: FleetOptions, state: StateFolder, parts: Parts): Promise<Omit<Fleet, 'stop'>> {
  const { port, host, enclaves = 3, rateLimit, gatewayEnv, sources, nodeArgs } = options
  const { crew } = parts
  const images = await openImages(options, state, parts)
  const { chain, first, next, trust, trustPath } = images
  const enclaveIds = Array.from({ length: enclaves }, (_, at) => `enclave-${at}`)
  const kms = await kmsCommand(state, {
    port: first.kmsPort,
    root: chain.rootPem,
    measurements: (next ?? first).measurements,
    leaving: next ? [first.measurements] : [],
    enclaveIds,
    source: sources?.kms,
  })
  const hosts = await hostEnclaves(options, state, parts, images, enclaveIds)
  const limit = rateLimit === undefined ? {} : { QUORATE_RATE_LIMIT: String(rateLimit) }
  const gateway = await gatewayCommand(state, hosts, {
    port,
    host,
    env: { ...limit, ...gatewayEnv },
    source: sources?.gateway,
    nodeArgs,
  })
  const { url, metricsUrl, database } = gateway

  await crew.start([kms, ...hosts.flatMap(({ commands }) => commands)])
  await crew.start([gateway.command])
  return {
    url,
    metricsUrl,
    database,
    trust,
    trustPath,
    state: state.root,
    enclaveIds,
    next: next && next.measurements,
    ready: (timeout = 60_000) => untilReady(url, timeout, state.logs, crew),
    ...controlsOf(crew, hosts, images),
  }
}

type Images = Awaited<ReturnType<typeof openImages>>

/** What the enclaves run, and what the clients of this fleet believe. */
async function openImages({ sources, release }: FleetOptions, state: StateFolder, { onEvent }: Parts) {
  const chain = await loadOrCreateChain(state.hypervisor)
  const { authority } = await loadOrCreateTls(state.kms)
  const believed = { root: chain.rootPem, kmsAuthority: authority, release: release ?? null }
  const first = await openImage(state.root, believed, sources?.enclave)
  const next = sources?.next === undefined ? null : await openImage(state.root, believed, sources.next, 'next')
  const { trust, path, renewed } = await writeTrust(state.root, chain.rootPem, first.measurements)
  onEvent({ type: 'measured', measurements: first.measurements, renewed })
  return { chain, first, next, trust, trustPath: path }
}

async function hostEnclaves(
  { socat = true, nodeArgs }: FleetOptions,
  state: StateFolder,
  { closers }: Parts,
  { first, chain }: Images,
  enclaveIds: readonly string[],
): Promise<EnclaveHost[]> {
  const relay = socat ? findSocat() : null
  const hosts: EnclaveHost[] = []
  for (const id of enclaveIds) {
    const host = await hostEnclave(id, { state, image: first, chain, socat: relay, nodeArgs })
    closers.unshift(host.closeNsm)
    hosts.push(host)
  }
  return hosts
}

function controlsOf(
  { names, pidOf, signal, lose, restore }: Crew,
  hosts: readonly EnclaveHost[],
  { first, next }: Images,
) {
  const hostOf = (enclaveId: string): EnclaveHost => {
    const host = hosts.find((one) => one.enclaveId === enclaveId)
    if (host === undefined) throw new FleetError(`there is no ${enclaveId}`)
    return host
  }
  return {
    names,
    pidOf,
    addressOf: (enclaveId) => hostOf(enclaveId).address,
    move: async (enclaveId, to) => {
      const wanted = to === 'first' ? first : next
      if (wanted === null) throw new FleetError('this fleet has no next image')
      await hostOf(enclaveId).load(wanted)
      signal(enclaveId, 'SIGKILL')
    },
    kill: (name, what = 'SIGKILL') => signal(name, what),
    lose,
    restore,
    pause: (name) => signal(name, 'SIGSTOP'),
    resume: (name) => signal(name, 'SIGCONT'),
  } satisfies Partial<Fleet>
}

async function untilReady(url: string, timeout: number, logs: string, crew: Crew): Promise<void> {
  const deadline = performance.now() + timeout
  while (!(await allReady(url))) {
    crew.check()
    if (performance.now() > deadline) throw new FleetError(`the fleet is not ready after ${timeout} ms: see ${logs}`)
    await sleep(25)
  }
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined
  return () => (done ??= act())
}
