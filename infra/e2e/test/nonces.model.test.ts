import type { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Approval } from '@quorate/shared/wire/consent'
import type { FreshCommitment } from '@quorate/shared/wire/signing'
import { beforeAll, expect, it } from 'vitest'
import { loadKey, makeKey, recall, type Asked, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { createCluster, type Member } from './support/cluster.ts'
import { everyOrder } from './support/every-order.ts'
import { introduce } from '../../../shared/party/test/host.js'
import { approve, ask, bytesItem } from '../../../shared/party/test/people.js'

/*
 * Every order in which a gateway can put its questions to one host in a signing: commitments of two attempts, packages with one
 * co-signer or the other, with commitments of this life or of an earlier one, and a crash between any two. A state that was seen
 * is not gone on from twice, until there are no new ones; which state a host is in shows in its answers alone.
 */
const cluster = await createCluster()

type Step =
  | Readonly<{ do: 'commit'; attempt: number }>
  | Readonly<{ do: 'sign'; attempt: number; with: 2 | 3; stale: boolean }>
  | Readonly<{ do: 'crash' }>

const attempts = [1, 2]
const steps: readonly Step[] = [
  ...attempts.map((attempt) => ({ do: 'commit' as const, attempt })),
  ...attempts.flatMap((attempt) => [
    { do: 'sign' as const, attempt, with: 2 as const, stale: false },
    { do: 'sign' as const, attempt, with: 3 as const, stale: false },
    { do: 'sign' as const, attempt, with: 2 as const, stale: true },
  ]),
  { do: 'crash' },
]

let key: MadeKey<Member>
const host = () => key.plan.hosts.get(1)!

beforeAll(async () => {
  key = await makeKey(cluster)
})

/** The host needs the others since they tell it the epoch. They need not know it. */
async function introducePeers(): Promise<void> {
  for (const peer of [2, 3].map((index) => key.plan.hosts.get(index)!)) {
    await introduce(host(), peer)
    await introduce(peer, host())
  }
}

/** What the gateway has got: the host's commitments by attempt, of this life and of earlier ones, and its answers to packages. */
type Held = {
  now: Map<number, FreshCommitment>
  before: Map<number, FreshCommitment>
  answers: Map<string, Set<string>>
}
type Run = { asked: Asked; approvals: Approval[]; peers: Map<string, FreshCommitment>; held: Held }

async function begin(): Promise<Run> {
  const until = cluster.clock.now + 60_000
  const asked = await ask(key.plan, key, 1, [bytesItem('hello')], until)
  const approvals = [
    await approve(key.plan, 2, asked.requestDigest, until),
    await approve(key.plan, 3, asked.requestDigest, until),
  ]
  const held: Held = { now: new Map(), before: new Map(), answers: new Map() }
  return { asked, approvals, peers: new Map(), held }
}

async function commitOf(run: Run, index: number, attempt: number): Promise<FreshCommitment> {
  const { asked, approvals } = run
  const { request, sealedItems } = asked
  const params = { attempt, index, request, sealedItems, consents: approvals }
  return (await key.plan.hosts.get(index)!.call('signing.commit', params)).commitment
}

async function peerOf(run: Run, index: number, attempt: number): Promise<FreshCommitment> {
  const name = `${index}/${attempt}`
  const known = run.peers.get(name) ?? (await commitOf(run, index, attempt))
  run.peers.set(name, known)
  return known
}

/** Gives what the host answered, in a word. */
async function take(run: Run, step: Step): Promise<string> {
  const { now, before } = run.held
  switch (step.do) {
    case 'commit':
      now.set(step.attempt, await commitOf(run, 1, step.attempt))
      return 'committed'
    case 'sign':
      return signWith(run, step, (step.stale ? before : now).get(step.attempt))
    case 'crash':
      await host().restart()
      await introducePeers()
      await loadKey(key, [1])
      await recall(key, 1)
      for (const [attempt, commitment] of now) before.set(attempt, commitment)
      now.clear()
      return 'crashed'
  }
}

async function signWith(run: Run, step: Step & { do: 'sign' }, own: FreshCommitment | undefined): Promise<string> {
  if (own === undefined) return 'nothing to send'
  const { held, asked, approvals } = run
  const { attempt } = step
  const commitments = [own, await peerOf(run, step.with, attempt)]
  const { signingId } = asked.request.body
  const { partial } = await host().call('signing.partial', {
    signingId,
    attempt,
    index: 1,
    consents: approvals,
    commitments,
  })
  for (const word of own.body.commitments) {
    const commitment = 'commitment' in word ? word.commitment : word.code
    const answers = held.answers.get(commitment) ?? new Set()
    held.answers.set(commitment, answers.add(`${digestOf('package', commitments)} ${partial.body.sealed}`))
  }
  return step.stale ? 'signed with an old nonce' : 'signed'
}

const wordOf = (run: Run, step: Step): Promise<string> =>
  take(run, step).catch((error: unknown) => (error as Refusal).code)

/** What tells one state of the host from another, as far as the gateway can make it show. */
async function stateOf(run: Run): Promise<string> {
  const { now, before } = run.held
  const shown = [...now.keys(), '|', ...before.keys()].join()
  const words: string[] = []
  for (const step of steps) if (step.do === 'sign' && !step.stale) words.push(await wordOf(run, step))
  return `${shown}/${words.join()}`
}

it('gives one answer at most to one commitment, and none to an old one, whatever is asked in whatever order', async () => {
  const answersOf = ({ held }: Run) => held.answers
  const { states, signed } = await everyOrder({ steps, begin, wordOf, stateOf, answersOf })
  expect(states).toBeGreaterThan(20)
  expect(signed).toBeGreaterThan(100)
  const spent = host().events.flatMap((event) => (event.event === 'nonce.spent' ? [event.commitment] : []))
  expect(new Set(spent).size).toBe(spent.length)
}, 120_000)
