import { randomBytes } from '@noble/hashes/utils.js'
import { isAccepted } from '@quorate/shared/attestation/policy'
import {
  hostMethods,
  partyMethods,
  type HostParams,
  type HostResult,
  type PartyMethod,
} from '@quorate/shared/ceremonies/host-methods'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { Refusal } from '@quorate/shared/errors'
import { loadMpc, type Mpc } from '@quorate/shared/mpc'
import { toHex } from '@quorate/shared/wire/bytes'
import type { EnclaveIdentity, Life as HostLife, Presence } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import type { PartyEvent } from '../src/events.ts'
import { deriveHostKeys } from '../src/host-keys.ts'
import { createParty, type Party } from '../src/party.ts'
import type { HostKeys } from '../src/ports.ts'
import { alarm, giveWay } from './alarm.ts'
import { foundDevelopment, type Development } from './development.ts'

/** What is asked of a host of shares: all that a party answers, and who there is. */
type AskedMethod = PartyMethod | 'hello' | 'attest'
type Call = <M extends AskedMethod>(method: M, params: HostParams<M>) => Promise<HostResult<M>>

/** One of the hosts that make a key together, whatever it runs on. */
export type Member = { readonly identity: EnclaveIdentity; readonly call: Call; restart: () => unknown }

/** Hosts that live by one clock (ms). */
export type Group<M extends Member = Member> = Readonly<{ members: readonly M[]; clock: { readonly now: number } }>

/** A party in this process, on a root of its own. `keys`: what an attacker has who has taken this host. */
export type Host = Member &
  Readonly<{
    keys: HostKeys
    events: PartyEvent[]
    /** Changes with each start. */
    bootId: () => string
    presence: () => Presence
  }>

export const sealing: SealingClaims = {
  provider: 'simulator',
  releasesTo: 'measured-image',
  keyAttestation: 'none',
}

/** By the clock of this machine, or of a test that has stopped it. */
export const presentTime = {
  get now() {
    return Date.now()
  },
}

type Ground = Readonly<{
  mpc: Mpc
  development: Development
  clock: { readonly now: number }
}>

type Life = Readonly<{ life: HostLife; party: Party }>

/** `starts`: before this one, so that a later start is later also by a clock that stands still. */
function begin({ mpc, development, clock }: Ground, keys: HostKeys, events: PartyEvent[], starts = 0): Life {
  const { trust, measurements } = development
  const life = { id: toHex(randomBytes(32)), startedAt: clock.now + starts }
  const images = {
    policy: () => trust,
    accepts: (pcrs: typeof measurements) => isAccepted(pcrs, trust),
    serial: () => 0,
  }
  const party = createParty({
    mpc,
    keys,
    images,
    measurements,
    life,
    clock: () => clock.now,
    alarm,
    giveWay,
    log: (event) => void events.push(event),
  })
  return { life, party }
}

const isOfParty = (method: AskedMethod): method is PartyMethod => Object.hasOwn(partyMethods, method)
/** As after a way over a wire: nobody holds what another may change. */
const carried = <T>(message: T): T => decode(encode(message)) as T

/** A host of this name. It answers as an enclave with an open root does, and refuses what no schema admits. */
export async function startHost(ground: Ground, name: string): Promise<Host> {
  const { mpc, development, clock } = ground
  const keys = await deriveHostKeys(mpc, name, randomBytes(32))
  const { identity } = keys
  const events: PartyEvent[] = []
  let starts = 0
  let { life, party } = begin(ground, keys, events)
  const presence = () => ({ life, sealing, manifest: 0 as const })

  const answer = (method: AskedMethod, params: unknown): Promise<unknown> => {
    if (method === 'hello')
      return Promise.resolve({ bootId: life.id, locked: false, retired: false, identity, sealing })
    if (!isOfParty(method)) {
      const { nonce } = params as HostParams<'attest'>
      return development.attest({ identity, presence: presence() }, nonce, { now: clock.now })
    }
    // The table pairs each handler with the schema that its params have just passed.
    const handle = party[method] as (params: unknown) => Promise<unknown>
    return handle(params)
  }
  return {
    identity,
    keys,
    events,
    bootId: () => life.id,
    presence,
    async call(method, params) {
      const asked = hostMethods[method].params.safeParse(carried(params))
      if (!asked.success) throw new Refusal('message.invalid')
      return hostMethods[method].result.parse(carried(await answer(method, asked.data))) as never
    },
    restart() {
      starts += 1
      ;({ life, party } = begin(ground, keys, events, starts))
    },
  }
}

/** `asker` verifies `peer`. */
export async function introduce(asker: Member, peer: Member): Promise<void> {
  const { nonce } = await asker.call('challenge', {})
  await asker.call('introduce', { peer: await peer.call('attest', { nonce }), nonce })
}

/** All verify each other. */
export async function introduceAll(members: readonly Member[]): Promise<void> {
  for (const asker of members) for (const peer of members) if (asker !== peer) await introduce(asker, peer)
}

export type HostsOptions = Readonly<{
  size?: number
  /** The cryptography of one host (0…), so that a test can watch it or make it lie. */
  mpcOf?: (at: number, mpc: Mpc) => Mpc
  clock?: { readonly now: number }
}>

/** `enclave-0` and so on, of one development root, which do not know each other yet. */
export async function startHosts({
  size = 3,
  mpcOf = (_, mpc) => mpc,
  clock = presentTime,
}: HostsOptions = {}): Promise<Group<Host> & Ground> {
  const [mpc, development] = [await loadMpc(), await foundDevelopment()]
  const names = Array.from({ length: size }, (_, at) => `enclave-${at}`)
  const members = await Promise.all(
    names.map((name, at) => startHost({ mpc: mpcOf(at, mpc), development, clock }, name)),
  )
  return { members, clock, mpc, development }
}
