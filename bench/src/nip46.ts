import { everything, FleetSigner } from '@quorate/local/bunker/fleet-signer'
import { Faults } from '@quorate/nostr-lab/faults/proxy'
import { startBaselineProcess, startRelayProcess } from '@quorate/nostr-lab/load/baseline'
import type { Figures } from '@quorate/nostr-lab/load/figures'
import { revokeMany, type Lent } from '@quorate/nostr-lab/load/revoke-many'
import { signMany } from '@quorate/nostr-lab/load/sign-many'
import { signThroughDrops } from '@quorate/nostr-lab/load/sign-through-drops'
import { unwrapMany } from '@quorate/nostr-lab/load/unwrap-many'
import { round, single, type Figure } from './figures.ts'

type Signing = Readonly<{ uri: () => Promise<string>; user: string }>
type Both = Readonly<{ ours: Signing; baseline: Signing }>

export const nip46Names = [
  'nip46.sign',
  'nip46.clients-200',
  'nip46.unwrap-1000',
  'nip46.revoke',
  'nip46.drops',
  'nip46.drops.lost',
] as const

const figure = (name: string, { count, p50, p95 }: Figures): Figure => ({
  name,
  value: round(p50),
  unit: 'ms',
  p50: round(p50),
  p95: round(p95),
  runs: count,
})

/** Rounds of both by turns, so that what else the machine does meets both. */
const ROUNDS = 4

function joined(all: readonly Figures[]): Figures {
  const mean = (of: (one: Figures) => number) => all.reduce((sum, one) => sum + of(one), 0) / all.length
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    p50: mean(({ p50 }) => p50),
    p95: mean(({ p95 }) => p95),
    p99: mean(({ p99 }) => p99),
    perSecond: mean(({ perSecond }) => perSecond),
  }
}

/** One client after another, beside a bunker whose key is whole, over the same relay. */
async function signing({ ours, baseline }: Both): Promise<Figure[]> {
  const [mine, plain]: [Figures[], Figures[]] = [[], []]
  for (let n = 0; n < ROUNDS; n += 1) {
    mine.push(await signMany({ uri: ours.uri, clients: 1, count: 100, inFlight: 1, warmUp: 25 }))
    plain.push(await signMany({ uri: baseline.uri, clients: 1, count: 100, inFlight: 1, warmUp: 25 }))
  }
  const [of, beside] = [joined(mine), joined(plain)]
  return [
    figure('nip46.sign', of),
    single('nip46.sign.p99', of.p99, 'ms', of.count),
    figure('nip46.sign.plain-key', beside),
    single('nip46.sign.ratio', of.p50 / beside.p50, '×', of.count),
    single('nip46.sign.p99-to-p50', of.p99 / of.p50, '×', of.count),
  ]
}

async function manyClients({ ours, baseline }: Both): Promise<Figure[]> {
  const load = { clients: 200, count: 600, inFlight: 200 }
  const of = await signMany({ uri: ours.uri, ...load })
  const beside = await signMany({ uri: baseline.uri, ...load })
  return [
    figure('nip46.clients-200', of),
    single('nip46.clients-200.per-second', of.perSecond, '1/s', of.count),
    single('nip46.clients-200.plain-key.per-second', beside.perSecond, '1/s', beside.count),
  ]
}

async function inbox({ ours, baseline }: Both): Promise<Figure[]> {
  const of = await unwrapMany(ours)
  const beside = await unwrapMany(baseline)
  return [
    single('nip46.unwrap-1000', of.seconds, 's', of.wraps),
    single('nip46.unwrap-1000.plain-key', beside.seconds, 's', beside.wraps),
  ]
}

const REVOCATIONS = 60

/** From an owner's call to every host that has heard it. As many owners grant as the key wants, so that one word is enough. */
async function revoking({ bunkers: { alice, bob } }: FleetSigner): Promise<Figure[]> {
  const seconded: string[] = []
  const lend = async (): Promise<Lent> => {
    for (const before of seconded.splice(0)) await bob.revoke(before)
    const { uri, grant } = await alice.offer(everything)
    await bob.second(grant)
    seconded.push(grant)
    const revoke = async () => {
      const { missing } = (await alice.revoke(grant)).heard
      if (missing.length > 0) throw new Error(`not heard by the hosts of ${missing.join(', ')}`)
    }
    return { uri, revoke }
  }
  const of = await revokeMany(lend, REVOCATIONS)
  return [figure('nip46.revoke', of), single('nip46.revoke.p99', of.p99, 'ms', of.count)]
}

/** The way between the signer and its relay is cut every five seconds. */
async function drops(relay: string): Promise<Figure[]> {
  const faults = await Faults.start(relay)
  const signer = await FleetSigner.open(faults.url)
  try {
    const load = { uri: signer.uri, faults, drop: () => faults.dropEach(5), clients: 8, count: 1_000, inFlight: 8 }
    const { acknowledged, lost, drops: many } = await signThroughDrops(load)
    return [single('nip46.drops', many, 'drops', acknowledged), single('nip46.drops.lost', lost, 'lost', acknowledged)]
  } finally {
    await signer.close()
    await faults.close()
  }
}

/** What programs feel that sign over a relay: a fleet, a plain-key bunker, a relay and the clients, each a process. */
export async function benchNip46(wanted: (name: string) => boolean): Promise<Figure[]> {
  const relay = await startRelayProcess()
  const figures: Figure[] = []
  try {
    const baseline = await startBaselineProcess(relay.url)
    const ours = await FleetSigner.open(relay.url)
    try {
      if (wanted('nip46.sign')) figures.push(...(await signing({ ours, baseline })))
      if (wanted('nip46.unwrap-1000')) figures.push(...(await inbox({ ours, baseline })))
      if (wanted('nip46.revoke')) figures.push(...(await revoking(ours)))
      if (wanted('nip46.clients-200')) figures.push(...(await manyClients({ ours, baseline })))
    } finally {
      await ours.close()
      await baseline.close()
    }
    if (wanted('nip46.drops')) figures.push(...(await drops(relay.url)))
    return figures
  } finally {
    await relay.close()
  }
}
