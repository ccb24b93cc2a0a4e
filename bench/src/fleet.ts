import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Key, type Participant } from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { cpuOf } from '@quorate/local/fleet/usage'

/** Two people who sign with one 2-of-3 key, on a fleet of its own. */
export type Scene = { fleet: Fleet; quorate: Quorate; alice: Participant; bob: Participant; key: Key }

/** Makes a 2-of-3 FROST key: three people, three enclaves. */
export async function makeKey(quorate: Quorate): Promise<Omit<Scene, 'fleet' | 'quorate'>> {
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) =>
    quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) }),
  ) as [Participant, Participant, Participant]
  const keygen = await alice.reserveKey({
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: ['alice', 'bob', 'carol'],
  })
  await Promise.all([bob.participate(keygen.invitation('bob')), carol.participate(keygen.invitation('carol'))])
  return { alice, bob, key: await keygen.completed() }
}

/** One signing 2-of-3 end to end: alice asks, bob looks and approves, the signature is verified. */
export async function signOnce({ alice, bob, key }: Pick<Scene, 'alice' | 'bob' | 'key'>, text: string): Promise<void> {
  const signing = await alice.requestSignature(key, text)
  await bob.approve(signing)
  await signing.completed()
}

/** The processes that a signature costs something, by what they are. */
export function processesOf({ fleet }: Pick<Scene, 'fleet'>) {
  const pidsOf = (...names: readonly string[]): readonly number[] =>
    names.map((name) => fleet.pidOf(name) ?? process.pid)
  return { gateway: pidsOf('gateway'), enclaves: pidsOf(...fleet.enclaveIds), client: [process.pid] }
}

/** Of some processes together, such as their CPU. */
export const sumOf = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((sum, pid) => sum + of(pid), 0)

/** CPU (ms) of gateway and enclaves until now. */
export function cpuOfFleet(scene: Pick<Scene, 'fleet'>): number {
  const { gateway, enclaves } = processesOf(scene)
  return sumOf([...gateway, ...enclaves], cpuOf)
}

/** Runs on a fresh fleet and clears it away. `nodeArgs`: of its gateway and enclaves. */
export async function onStage<T>(act: (scene: Scene) => Promise<T>, nodeArgs: readonly string[] = []): Promise<T> {
  const state = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
  const fleet = await startFleet({ port: 0, state, enclaves: 3, rateLimit: 1_000_000, nodeArgs })
  try {
    const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
    return await act({ fleet, quorate, ...(await makeKey(quorate)) })
  } finally {
    await fleet.stop()
    await rm(state, { recursive: true, force: true })
  }
}
