import type { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Approval } from '@quorate/shared/wire/consent'
import type { StockCommitment } from '@quorate/shared/wire/signing'
import { beforeAll, expect, it } from 'vitest'
import { loadKey, makeKey, recall, type Asked, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { introduce } from '../../../shared/party/test/host.js'
import { approve, ask, bytesItem } from '../../../shared/party/test/people.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { createCluster, type Member } from './support/cluster.ts'
import { everyOrder } from './support/every-order.ts'

/*
 * Every order in which a gateway can put commitments from stock to one host: for two requests, with one co-signer or the other, those of this
 * life or of an earlier one, beside a round one of a second attempt, and a crash between any two. A state that was seen is not gone
 * on from twice, until there are no new ones; which state a host is in shows in its answers alone.
 */
const cluster = await createCluster()
const { stock, stocked, commit } = singleCalls(cluster)

type Sign = Readonly<{ do: 'sign'; request: 0 | 1; own: 0 | 1; with: 2 | 3; stale: boolean }>
type Step = Sign | Readonly<{ do: 'commit' }> | Readonly<{ do: 'crash' }>

const both = [0, 1] as const
const signs: readonly Sign[] = both.flatMap((request) =>
  both.flatMap((own) => [
    { do: 'sign' as const, request, own, with: 2 as const, stale: false },
    { do: 'sign' as const, request, own, with: 3 as const, stale: false },
  ]),
)
const steps: readonly Step[] = [
  ...signs,
  { do: 'sign', request: 0, own: 0, with: 2, stale: true },
  { do: 'commit' },
  { do: 'crash' },
]

let key: MadeKey<Member>
let peers: ReadonlyMap<number, StockCommitment>
const host = () => key.plan.hosts.get(1)!

beforeAll(async () => {
  key = await makeKey(cluster)
  peers = new Map([
    [2, (await stock(key, 2))[0]!],
    [3, (await stock(key, 3))[0]!],
  ])
})

type Run = {
  asked: readonly (Asked & { approvals: Approval[] })[]
  /** What the gateway has of the host: of this life, and of the one before. */
  now: readonly StockCommitment[]
  before: readonly StockCommitment[]
  /** Its answers to packages, by its commitment. */
  answers: Map<string, Set<string>>
}

async function askedFor(text: string) {
  const until = cluster.clock.now + 60_000
  const asked = await ask(key.plan, key, 1, [bytesItem(text)], until)
  const words = [2, 3].map((index) => approve(key.plan, index, asked.requestDigest, until))
  return { ...asked, approvals: await Promise.all(words) }
}

const begin = async (): Promise<Run> => ({
  asked: [await askedFor('one'), await askedFor('two')],
  now: (await stock(key, 1)).slice(0, 2),
  before: [],
  answers: new Map(),
})

async function signWith(run: Run, step: Sign): Promise<string> {
  const own = (step.stale ? run.before : run.now)[step.own]
  const asked = run.asked[step.request]!
  if (own === undefined) return 'nothing to send'
  const commitments = [own, peers.get(step.with)!]
  const { partial } = await stocked(key, 1, asked, asked.approvals, commitments)
  const name = `${own.signature}/${own.serial}`
  const answers = run.answers.get(name) ?? new Set()
  run.answers.set(name, answers.add(`${digestOf('package', commitments)} ${partial.body.packageDigest}`))
  return step.stale ? 'signed with an old nonce' : 'signed'
}

/** The host needs the others since they tell it the epoch. They need not know it. */
async function crash(run: Run): Promise<string> {
  await host().restart()
  for (const peer of [2, 3].map((index) => key.plan.hosts.get(index)!)) {
    await introduce(host(), peer)
    await introduce(peer, host())
  }
  await loadKey(key, [1])
  await recall(key, 1)
  run.before = run.now
  run.now = (await stock(key, 1)).slice(0, 2)
  return 'crashed'
}

async function take(run: Run, step: Step): Promise<string> {
  const [first] = run.asked
  if (step.do === 'sign') return signWith(run, step)
  if (step.do === 'crash') return crash(run)
  await commit(key, 1, first!, first!.approvals, 2)
  return 'committed'
}

const wordOf = (run: Run, step: Step): Promise<string> =>
  take(run, step).catch((error: unknown) => (error as Refusal).code)

/** What tells one state of the host from another, as far as the gateway can make it show. */
async function stateOf(run: Run): Promise<string> {
  const state: string[] = [String(run.before.length)]
  for (const step of signs) state.push(await wordOf(run, step))
  return state.join()
}

it('gives one answer at most to one commitment, and none to an old one, whatever is asked in whatever order', async () => {
  const answersOf = ({ answers }: Run) => answers
  const { states, signed } = await everyOrder({ steps, begin, wordOf, stateOf, answersOf })
  expect(states).toBeGreaterThan(20)
  expect(signed).toBeGreaterThan(100)
  const spent = host().events.flatMap((event) => (event.event === 'nonce.spent' ? [event.commitment] : []))
  expect(new Set(spent).size).toBe(spent.length)
}, 120_000)
