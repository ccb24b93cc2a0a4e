import { generateSecretKey, getPublicKey } from 'nostr-tools'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import { describe, expect, it } from 'vitest'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { StockPackage } from '@quorate/shared/wire/bunker'
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
import { singleCalls } from './single-calls.ts'

const group = await startHosts()
await introduceAll(group.members)
const { stock } = singleCalls(group)

/** A commitment of the first two hosts, each time another. */
async function packageOf({ key }: MadeBunker): Promise<StockPackage> {
  const [[one], [two]] = [await stock(key, 1), await stock(key, 2)]
  return { consents: [], commitments: [one!, two!] }
}

async function ahead(of: MadeBunker, index: number, event: Envelope, given?: StockPackage) {
  const { keyId } = of.key.plan.skeleton
  const params = { keyId, index, signer: of.signer, event, ahead: given ?? (await packageOf(of)) }
  return (await hostAt(of.key, index).call('bunker.sign', params)).ahead
}

describe('a host that signs before it is asked for it', () => {
  it('gives what the round gives: for the first attempt, once', async () => {
    const { bunker, program } = await connectedTo(group)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const given = await packageOf(bunker)
    const said = await ahead(bunker, 2, event, given)
    expect(said?.partial.body).toMatchObject({ attempt: 1, index: 2 })
    expect(await ahead(bunker, 2, event, given)).toEqual(said)
    expect(await ahead(bunker, 2, event)).toBeNull()
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const { request } = taken
    const { signingId } = request.body
    const question = { ...given, signingId, attempt: 1, index: 2 }
    expect((await hostAt(bunker.key, 2).call('signing.partial', question)).partial).toEqual(said?.partial)
    const again = { attempt: 1, index: 2, request, sealedItems: [sealedEvent(event)], consents: [] }
    await expectRefusal(hostAt(bunker.key, 2).call('signing.commit', again), 'nonce.spent')
  })

  it('takes an event and signs in one, where it is asked to', async () => {
    const { bunker, program } = await connectedTo(group)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const { keyId } = bunker.key.plan.skeleton
    const given = await packageOf(bunker)
    const params = { keyId, index: 1, signer: bunker.signer, event, consents: [], laidOut: null, ahead: given }
    const taken = await hostAt(bunker.key, 1).call('bunker.take', params)
    expect(taken).toMatchObject({ does: 'sign', ahead: { partial: { body: { attempt: 1, index: 1 } } } })
    expect(await takeAt(bunker, 1, event)).toMatchObject({ does: 'sign', ahead: null })
  })

  it('signs nothing that needs no share, or that its books do not allow by themselves', async () => {
    const { bunker, program } = await connectedTo(group, { preset: 'notes', otherwise: 'ask' })
    expect(await ahead(bunker, 2, program.ask('ping', []))).toBeNull()
    expect(await ahead(bunker, 2, program.ask('create_account', []))).toBeNull()
    expect(await ahead(bunker, 2, program.ask('sign_event', [JSON.stringify({ ...note, kind: 0 })]))).toBeNull()
    expect(await ahead(bunker, 2, startProgram(bunker).ask('sign_event', [JSON.stringify(note)]))).toBeNull()
    const old = program.ask('sign_event', [JSON.stringify(note)], Math.floor(Date.now() / 1_000) - 3_600)
    await expectRefusal(ahead(bunker, 2, old), 'nostr.event_stale')
  })

  it('computes no point that it has of earlier, and nothing after the program has logged out', async () => {
    const { bunker, program } = await connectedTo(group)
    const encrypt = () => program.ask('nip44_encrypt', [getPublicKey(secret), 'gm'])
    const secret = generateSecretKey()
    expect(await ahead(bunker, 1, encrypt())).not.toBeNull()
    await signFor(bunker, encrypt(), [1, 2])
    expect(await ahead(bunker, 1, encrypt())).toBeNull()
    expect(program.read(answerOf(await connect(bunker, program.ask('logout', [])))).result).toBe('ack')
    expect(await ahead(bunker, 2, encrypt())).toBeNull()
  })

  it('does not sign with commitments that are not of its own host and of the others', async () => {
    const { bunker, program } = await connectedTo(group)
    const event = () => program.ask('sign_event', [JSON.stringify(note)])
    const { consents, commitments } = await packageOf(bunker)
    const [one, two] = commitments as [StockPackage['commitments'][0], StockPackage['commitments'][0]]
    expect(await ahead(bunker, 2, event(), { consents, commitments: [one] })).toBeNull()
    const changed = { ...one, body: { ...one.body, commitments: two.body.commitments } }
    expect(await ahead(bunker, 2, event(), { consents, commitments: [changed, two] })).toBeNull()
  })
})
