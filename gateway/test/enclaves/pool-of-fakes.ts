import { Refusal } from '@quorate/shared/errors'
import type { Address } from '@quorate/shared/wire/address'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { HostEvent } from '../../src/engine/ports.ts'
import type { Enclaves } from '../../src/hosts/enclaves/enclaves.ts'
import { createEnclaves } from '../../src/hosts/enclaves/pool.ts'
import type { Timing } from '../../src/hosts/enclaves/timing.ts'
import { until } from '../../../shared/test/noticing.js'
import { startFakeEnclave, type FakeEnclave } from './fake-enclave.ts'
import { memoryRoots, recordedEvents } from './recording.ts'

/*
 * The pool under test before fake enclaves on real sockets. A busy machine may answer late: no deadline here is near, and `hello`
 * is asked once a connection. A test that is about a deadline or about health sets that one.
 */
const calm: Partial<Timing> = {
  connectMs: 60_000,
  healthEveryMs: 600_000,
  healthMs: 60_000,
  bootMs: 60_000,
  callMs: 60_000,
  backOff: { first: 5, longest: 40 },
  unlockBackOff: { first: 5, longest: 40 },
}
/** `hello` is asked all the time. */
export const watchful: Partial<Timing> = { healthEveryMs: 5 }

export const nonce = '0'.repeat(64)
const opened: { close(): Promise<void> }[] = []

/** Closed by `closeAll`, before whatever was opened earlier. */
export const opens = <T extends { close(): Promise<void> }>(thing: T): T => {
  opened.unshift(thing)
  return thing
}

export async function closeAll(): Promise<void> {
  for (const thing of opened.splice(0)) await thing.close()
}

export async function startFake(name: string): Promise<FakeEnclave> {
  const fake = await startFakeEnclave(name)
  opens({ close: () => fake.stop() })
  return fake
}

export function poolOf(fakes: readonly FakeEnclave[], timing: Partial<Timing> = {}, roots = memoryRoots()) {
  const events = recordedEvents()
  const addresses = new Map<EnclaveId, Address>(fakes.map((fake) => [fake.id, fake.address]))
  const enclaves = opens(createEnclaves({ addresses, roots, events, timing: { ...calm, ...timing } }))
  const told: HostEvent[] = []
  enclaves.subscribe((event) => told.push(event))
  return { roots, events, enclaves, told }
}

export const isReady = (enclaves: Enclaves, fake: FakeEnclave): boolean => enclaves.status(fake.id).state === 'ready'

/** Enclaves of these names, all ready. */
export async function readyPool(names: readonly string[], timing: Partial<Timing> = {}) {
  const fakes = await Promise.all(names.map(startFake))
  const pool = poolOf(fakes, timing)
  await until(() => fakes.every((fake) => isReady(pool.enclaves, fake)), 'all to be ready')
  return { fakes, ...pool }
}

export async function readyOne(timing: Partial<Timing> = {}) {
  const { fakes, ...rest } = await readyPool(['a'], timing)
  return { fake: fakes[0]!, ...rest }
}

export const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
    return 'resolved'
  } catch (reason) {
    return reason instanceof Refusal ? reason.code : String(reason)
  }
}

export const ask = (enclaves: Enclaves, fake: FakeEnclave, ms?: number) =>
  enclaves.ask(fake.id, 'attest', { nonce }, ms)

export const callsOf = (fake: FakeEnclave, method: string) => fake.calls.filter((call) => call.method === method)
