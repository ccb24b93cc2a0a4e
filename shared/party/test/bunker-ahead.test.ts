import { generateSecretKey, getPublicKey } from 'nostr-tools'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import { describe, expect, it } from 'vitest'
import type { Envelope } from '@quorate/shared/nostr/event'
import {
  answerOf,
  connect,
  connectedTo,
  hostAt,
  note,
  signFor,
  startProgram,
  takeAt,
  type MadeBunker,
} from './bunker.ts'
import { introduceAll, startHosts } from './host.ts'
import { expectRefusal } from './refused.ts'

const group = await startHosts()
await introduceAll(group.members)

async function ahead({ key, signer }: MadeBunker, index: number, event: Envelope) {
  const { keyId } = key.plan.skeleton
  return (await hostAt(key, index).call('bunker.commit', { keyId, index, signer, event })).commitment
}

describe('a host that commits before it is asked for it', () => {
  it('gives what the round gives: for the first attempt, once', async () => {
    const { bunker, program } = await connectedTo(group)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const commitment = await ahead(bunker, 2, event)
    expect(commitment?.body).toMatchObject({ attempt: 1, index: 2 })
    expect(await ahead(bunker, 2, event)).toEqual(commitment)
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const params = { attempt: 1, index: 2, request: taken.request, sealedItems: [sealedEvent(event)], consents: [] }
    expect((await hostAt(bunker.key, 2).call('signing.commit', params)).commitment).toEqual(commitment)
  })

  it('takes an event and commits in one, where it is asked to', async () => {
    const { bunker, program } = await connectedTo(group)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const { keyId } = bunker.key.plan.skeleton
    const params = { keyId, index: 1, signer: bunker.signer, event, consents: [], laidOut: null, commits: true }
    const taken = await hostAt(bunker.key, 1).call('bunker.take', params)
    expect(taken).toMatchObject({ does: 'sign', commitment: { body: { attempt: 1, index: 1 } } })
    expect(await takeAt(bunker, 1, event)).toMatchObject({ does: 'sign', commitment: null })
  })

  it('commits to nothing that needs no share, or that its books do not allow by themselves', async () => {
    const { bunker, program } = await connectedTo(group, { preset: 'notes', otherwise: 'ask' })
    expect(await ahead(bunker, 2, program.ask('ping', []))).toBeNull()
    expect(await ahead(bunker, 2, program.ask('create_account', []))).toBeNull()
    expect(await ahead(bunker, 2, program.ask('sign_event', [JSON.stringify({ ...note, kind: 0 })]))).toBeNull()
    expect(await ahead(bunker, 2, startProgram(bunker).ask('sign_event', [JSON.stringify(note)]))).toBeNull()
    const old = program.ask('sign_event', [JSON.stringify(note)], Math.floor(Date.now() / 1_000) - 3_600)
    await expectRefusal(ahead(bunker, 2, old), 'nostr.event_stale')
  })

  it('commits to no point that it has of earlier, and not after the program has logged out', async () => {
    const { bunker, program } = await connectedTo(group)
    const encrypt = () => program.ask('nip44_encrypt', [getPublicKey(secret), 'gm'])
    const secret = generateSecretKey()
    expect(await ahead(bunker, 1, encrypt())).not.toBeNull()
    await signFor(bunker, encrypt(), [1, 2])
    expect(await ahead(bunker, 1, encrypt())).toBeNull()
    expect(program.read(answerOf(await connect(bunker, program.ask('logout', [])))).result).toBe('ack')
    expect(await ahead(bunker, 2, encrypt())).toBeNull()
  })
})
