import { randomBytes } from 'node:crypto'
import { Quorate, type Key, type Participant } from '@quorate/client'
import { bech32 } from '@scure/base'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Fleet } from '../../fleet/fleet.ts'
import type { Stage } from '../stage.ts'

/** Three people with their seeds. Nobody else ever has these. */
export type People = Readonly<{ alice: Participant; bob: Participant; carol: Participant }>
export type Seeds = Readonly<Record<keyof People, Uint8Array>>

export const names = ['alice', 'bob', 'carol'] as const

export const drawSeeds = (): Seeds => ({ alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) })

export function peopleAt({ url, trust }: Fleet, seeds: Seeds): People {
  const quorate = new Quorate({ gateway: url, trust })
  const person = (name: keyof People) => quorate.participant(name, { seed: seeds[name] })
  return { alice: person('alice'), bob: person('bob'), carol: person('carol') }
}

/** A 2-of-3 key. Each person verifies an enclave before sealing anything to it. */
export async function makeKey(stage: Stage, { alice, bob, carol }: People): Promise<Key> {
  const since = performance.now()
  const keygen = await stage.timed('alice reserves: the hosts prove themselves, she seals a secret to each', () =>
    alice.reserveKey({
      scheme: 'frost-secp256k1-tr',
      threshold: 2,
      participants: names,
      content: ['bytes', 'nostr-event', 'ecdh'],
    }),
  )
  stage.person('alice', 'invites')
  stage.gateway('ciphertext')
  await stage.timed('bob and carol open their invitations, verify their hosts, register', () =>
    Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId)))),
  )
  for (const name of names) stage.person(name, 'joined')
  const key = await stage.timed('the enclaves make the key among themselves; all three certify it', () =>
    keygen.completed({ timeout: 60_000 }),
  )
  stage.keep('a 2-of-3 key, certified', performance.now() - since)
  for (const { userId, host } of key.certificate.body.roster.skeleton.participants)
    stage.enclave(host.identity.enclaveId, { note: `${userId}'s share` })
  stage.say(`x-only  ${key.groupKey}`)
  stage.say(`npub    ${npub(key)}`)
  return key
}

/** NIP-19: how Nostr's people write an x-only key. */
const npub = ({ groupKey }: Key): string => bech32.encode('npub', bech32.toWords(fromHex(groupKey)))

/** The enclave that holds this person's share. */
export function hostOf(key: Key, userId: string): string {
  const found = key.certificate.body.roster.skeleton.participants.find((one) => one.userId === userId)
  if (found === undefined) throw new Error(`${userId} holds no share`)
  return found.host.identity.enclaveId
}
