import type { RefusalCode } from '@quorate/shared/errors'
import type { EndCode, Entry, Kind, Refused } from './ledger.ts'

/** What a soak has found. `faults`: sentences about what was wrong, from whoever looked. */
export type Evidence = Readonly<{
  entries: readonly Entry[]
  refused: readonly Refused[]
  /** States of sessions that the database still has open. */
  open: readonly string[]
  faults: readonly string[]
}>

/** A sentence for each thing that must not be. */
export type Verdict = Readonly<{ lost: readonly string[]; stuck: readonly string[]; wrong: readonly string[] }>

const unproven = 'epoch.unproven'

/** How what was acknowledged may end when processes die. Everybody is honest: any other code is a fault. */
const fairEnds: Readonly<Record<Kind, readonly EndCode[]>> = {
  signing: ['signing.expired', 'signing.hosts_lost', 'signing.withdrawn', 'epoch.stale', unproven],
  keygen: ['keygen.expired', 'keygen.hosts_lost'],
  refresh: ['refresh.hosts_lost'],
}

/** What somebody may be told who asks while a process is down, or whose key has been refreshed meanwhile. */
const fairRefusals: readonly RefusalCode[] = [
  'gateway.unavailable',
  'gateway.draining',
  'epoch.stale',
  'session.conflict',
  'consent.expired',
  'keygen.no_enclaves',
  'keygen.crowded',
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
]

const named = ({ kind, id }: Entry): string => `${kind} ${id}`
const endedAs = (entry: Entry, code: EndCode): boolean => entry.end?.code === code

/**
 * Signings and refusals of which no host knew the epoch, while two of three were up. One by grant waits for a word that would tell, and
 * expires: so everything that expired though all had agreed is one of them.
 */
export function unprovenIn({ entries, refused }: Pick<Evidence, 'entries' | 'refused'>): string[] {
  const isUnproven = (entry: Entry) => endedAs(entry, unproven) || (entry.agreed && endedAs(entry, 'signing.expired'))
  return [
    ...entries.filter(isUnproven).map((entry) => `${named(entry)} ended as ${entry.end?.code ?? unproven}`),
    ...refused
      .filter(({ code }) => code === unproven)
      .map(({ step, id }) => `${step} ${id} was refused as ${unproven}`),
  ]
}

/** `unprovenIsFault`: of each key's hosts two were up at any time. */
export function judge(evidence: Evidence, { unprovenIsFault }: Readonly<{ unprovenIsFault: boolean }>): Verdict {
  const { entries, refused, open, faults } = evidence
  const unfair = entries.flatMap((entry) => {
    const code = entry.end?.code ?? null
    const isFair = code === null || code === 'lost' || code === 'stuck' || fairEnds[entry.kind].includes(code)
    return isFair ? [] : [`${named(entry)} ended as ${code}`]
  })
  const odd = refused.filter(({ code }) => code !== unproven && !fairRefusals.includes(code))
  return {
    lost: entries.filter((entry) => endedAs(entry, 'lost')).map(named),
    stuck: [
      ...entries.filter((entry) => entry.end === null || endedAs(entry, 'stuck')).map(named),
      ...open.map((state) => `open in the database: ${state}`),
    ],
    wrong: [
      ...faults,
      ...unfair,
      ...odd.map(({ step, id, code }) => `${step} ${id} was refused as ${code}`),
      ...(unprovenIsFault ? unprovenIn(evidence).map((one) => `${one}, though two of three hosts were up`) : []),
    ],
  }
}

export const isClean = ({ lost, stuck, wrong }: Verdict): boolean => lost.length + stuck.length + wrong.length === 0
