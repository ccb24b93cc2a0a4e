import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Quorate,
  type Item,
  type Key,
  type Participant,
  type QuorateOptions,
  type SignatureResult,
} from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { afterAll, beforeAll } from 'vitest'

export const long = 120_000

type Joining = Readonly<{
  ownKeys?: readonly Uint8Array[]
  content?: readonly Item['content']['type'][]
  subgroups?: Readonly<Record<string, readonly string[]>>
}>

/**
 * A gateway and three enclaves, each a process, for the tests of one file; and people who use them through the SDK. `patience` (ms): until
 * the fleet is there.
 */
export function withFleet(patience = long) {
  const state = mkdtempSync(join(tmpdir(), 'quorate-sdk-'))
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({ port: 0, state, rateLimit: 1_000_000 })
  }, patience)
  afterAll(async () => {
    await fleet.stop()
    rmSync(state, { recursive: true, force: true })
  }, patience)
  const quorate = (options: Pick<QuorateOptions, 'fetch'> = {}): Quorate =>
    new Quorate({ gateway: fleet.url, trust: fleet.trust, ...options })
  return {
    /** For another process of people. */
    quorate,
    draw: (names: readonly string[]): Participant[] => {
      const one = quorate()
      return names.map((name) => one.participant(name, { seed: randomBytes(32) }))
    },
  }
}

/** A key of MuSig2 of these people, each of whom brings the key that is named, if one is. */
export async function contributedKey(
  people: readonly Participant[],
  { ownKeys = [], content, subgroups }: Joining = {},
): Promise<Key> {
  const [first, ...others] = people as [Participant, ...Participant[]]
  const participants = people.map(({ userId }) => userId)
  const keygen = await first.reserveKey({
    ...{ scheme: 'musig2', threshold: people.length, participants, ownKey: ownKeys[0] },
    ...(content === undefined ? {} : { content }),
    ...(subgroups === undefined ? {} : { subgroups }),
  })
  for (const [at, one] of others.entries())
    await one.participate(keygen.invitation(one.userId), { ownKey: ownKeys[at + 1] })
  return keygen.completed({ timeout: long })
}

/** The first asks, and so many others approve as are needed. */
export async function signAll(
  key: Key,
  [first, ...others]: readonly Participant[],
  items: readonly Item[],
): Promise<SignatureResult> {
  const signing = await first!.requestSignature(key, items)
  for (const one of others.slice(0, key.threshold - 1)) await one.approve(await one.signing(key, signing.signingId))
  return signing.completed({ timeout: long })
}
