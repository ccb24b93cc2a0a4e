import { quantile } from '@quorate/local/quantile'
import type { Entry, Kind, Refused } from './ledger.ts'
import type { Usage } from './processes.ts'
import { isClean, unprovenIn, type Verdict } from './verdict.ts'

/** What a soak did and found. Times in ms. */
export type Outcome = Readonly<{
  seed: string
  time: number
  entries: readonly Entry[]
  refused: readonly Refused[]
  disrupted: Readonly<{ kill: number; freeze: number }>
  nonces: Readonly<{ committed: number; spent: number }>
  /** What `quorate-gateway verify-audit` said. */
  audit: string
  usage: Readonly<{ before: Usage; after: Usage }>
  verdict: Verdict
}>

const kinds = { signing: 'signings', keygen: 'keygens', refresh: 'refreshes' } as const
/** How a request is named that begins each. */
const steps = { signing: 'request', keygen: 'reservation', refresh: 'refresh' } as const
const most = 20

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

function counted(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

function linesOf({ entries, refused }: Outcome, kind: Kind): string[] {
  const asked = refused.filter(({ step }) => step === steps[kind])
  const all = entries.filter((entry) => entry.kind === kind)
  const done = all.filter(({ end }) => end?.code === null)
  const failed = all.flatMap(({ end }) => end?.code ?? [])
  const times = done.flatMap(({ end }) => end?.took ?? [])
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => seconds(quantile(times, share)))
  return [
    `${kinds[kind]}: ${asked.length + all.length} asked, ${all.length} acknowledged, ${done.length} completed${failed.length > 0 ? `; failed: ${counted(failed)}` : ''}`,
    ...(done.length > 0 ? [`  from the request to the result: p50 ${p50}, p95 ${p95}, p99 ${p99}`] : []),
  ]
}

function usageLines({ before, after }: Outcome['usage']): string[] {
  return Object.entries(after).map(([name, { cpu, memory }]) => {
    const start = before[name]
    return `  ${name.padEnd(10)} CPU ${seconds(cpu - (start?.cpu ?? 0)).padStart(8)}   memory ${mebibytes(start?.memory ?? 0)} → ${mebibytes(memory)}`
  })
}

/** The first of them, and how many more there are. */
const listed = (title: string, faults: readonly string[]): string[] =>
  faults.length === 0
    ? [`nothing ${title}`]
    : [
        `${faults.length} ${title}:`,
        ...faults.slice(0, most).map((fault) => `  ${fault}`),
        ...(faults.length > most ? [`  and ${faults.length - most} more`] : []),
      ]

/** The summary, line by line. */
export function summary(outcome: Outcome): string[] {
  const { seed, time, refused, disrupted, nonces, audit, usage, verdict } = outcome
  const unproven = unprovenIn(outcome)
  return [
    `soak of ${seconds(time)}, seed ${seed}: ${disrupted.kill} kills, ${disrupted.freeze} freezes`,
    ...(['signing', 'keygen', 'refresh'] as const).flatMap((kind) => linesOf(outcome, kind)),
    `refused before they were acknowledged: ${counted(refused.map(({ step, code }) => `${step} ${code}`)) || 'none'}`,
    `epoch unproven while two of three hosts were up: ${unproven.length}`,
    ...unproven.slice(0, most).map((one) => `  ${one}`),
    `nonces: ${nonces.committed} committed, ${nonces.spent} spent`,
    audit,
    'processes, CPU over all lives:',
    ...usageLines(usage),
    ...listed('lost', verdict.lost),
    ...listed('stuck', verdict.stuck),
    ...listed('wrong', verdict.wrong),
    isClean(verdict) ? 'verdict: good' : `verdict: bad; SEED=${seed} kills and freezes by the same plan`,
  ]
}
