import { Quorate, type Key, type Keygen, type Participant, type ReserveOptions } from '../src/index.ts'
import type { Fleet } from './fleet.ts'
import type { Gateway } from './gateway.ts'

export type People = Readonly<{ alice: Participant; bob: Participant; carol: Participant }>

/** Of those whose seed is not to be drawn. */
type Seeds = Readonly<{ [N in keyof People]?: Uint8Array }>

/** Three people, each with an own program and seed; retries without long pauses. */
export function people(fleet: Fleet, { url }: Gateway, options: object = {}, seeds: Seeds = {}): People {
  const person = (name: keyof People) =>
    new Quorate({ gateway: url, trust: fleet.trust, retry: { attempts: 3, pause: 5 }, ...options }).participant(name, {
      seed: seeds[name] ?? crypto.getRandomValues(new Uint8Array(32)),
    })
  return { alice: person('alice'), bob: person('bob'), carol: person('carol') }
}

type Made = People & Readonly<{ keygen: Keygen; joined: Keygen[]; key: Key }>

/** A key of alice, bob and carol, two of three when nothing else is said. */
export async function makeKey(
  fleet: Fleet,
  gateway: Gateway,
  wish: Partial<ReserveOptions> = {},
  seeds: Seeds = {},
): Promise<Made> {
  const all = people(fleet, gateway, {}, seeds)
  const { alice, bob, carol } = all
  const participants = ['alice', 'bob', 'carol']
  const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants, ...wish })
  const joined = await Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId))))
  return { ...all, keygen, joined, key: await keygen.completed() }
}
