import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Seat } from '@quorate/shared/wire/host'
import type { Digest, KeyId, SignKey } from '@quorate/shared/wire/ids'
import type { Recollection } from '@quorate/shared/wire/recall'
import { afterMending } from '../engine/ask.ts'
import type { Hosts } from '../engine/ports.ts'
import { isUnwell } from '../hosts/health.ts'

type Heard = Readonly<{ from: number; recollection: Recollection }>

/** A key by its id, and as hosts call it. `restore`: gives a host its share of it, where there are shares to give. */
type Key = Readonly<{ keyId: KeyId; lineage: Digest; restore?: (seat: Seat) => Promise<void> }>

/** `seats`: of all hosts of the key. */
export type Recall = (asker: Seat, key: Key, seats: readonly Seat[]) => Promise<void>

/** What a peer said, if it had something to say; or why it could not be asked, though it seems to be there. */
type Answer = Readonly<{ heard: Heard | null; trouble: Refusal | null }>

const nothing: Answer = { heard: null, trouble: null }
/** What a host may say of an answer that it was brought. Another peer may have a better one. */
const notTaken: ReadonlySet<RefusalCode> = new Set(['epoch.unproven', 'manifest.stale', 'peer.unknown', 'life.retired'])

/** Who asks about which key. `life`: the asker's boot, for which peers say it. */
type Question = Key & Readonly<{ tools: Telling; asker: Seat; life: string; signKey: SignKey }>
type Telling = Readonly<{ hosts: Hosts; timeoutMs: number }>

async function tell({ tools, life, signKey, keyId, lineage }: Question, { index, host }: Seat): Promise<Heard> {
  const params = { keyId, lineage, index, asker: signKey, life }
  const { recollection } = await tools.hosts.ask(host, 'recall.tell', params, tools.timeoutMs)
  return { from: index, recollection }
}

async function ask(question: Question, peer: Seat): Promise<Answer> {
  const { tools, asker, restore } = question
  const isReady = () => tools.hosts.state(peer.host) === 'ready'
  if (!isReady()) return nothing
  try {
    // Each hears of the other only who it is now.
    await tools.hosts.introduce([asker.host, peer.host])
    const heard = await afterMending(
      'key.unknown',
      async () => restore?.(peer),
      () => tell(question, peer),
    )
    return { heard, trouble: null }
  } catch (error) {
    const isTrouble = error instanceof Refusal && isReady()
    return isTrouble && isUnwell(error.code) ? { heard: null, trouble: error } : nothing
  }
}

/** Has the asker taken it, and does it need no more? */
async function bring({ tools, asker: { index, host }, keyId }: Question, { from, recollection }: Heard) {
  try {
    const params = { keyId, index, from, recollection }
    const { settled } = await tools.hosts.ask(host, 'recall.learn', params, tools.timeoutMs)
    const { current, prepared } = recollection.body
    return { taken: current !== null || prepared !== null, settled }
  } catch (error) {
    if (!(error instanceof Refusal) || !notTaken.has(error.code)) throw error
    return { taken: false, settled: false }
  }
}

async function recall(tools: Telling, asker: Seat, key: Key, seats: readonly Seat[]): Promise<void> {
  const { bootId, identity } = await tools.hosts.ask(asker.host, 'hello', {}, tools.timeoutMs)
  if (identity === null) throw new Refusal('enclave.locked')
  const question = { ...key, tools, asker, life: bootId, signKey: identity.signKey }
  const others = seats.filter(({ host }) => host !== asker.host)
  const answers = await Promise.all(others.map((other) => ask(question, other)))
  let learned = false
  for (const heard of answers.flatMap((answer) => answer.heard ?? []).sort(byUse)) {
    const { taken, settled } = await bring(question, heard)
    if (settled) return
    learned ||= taken
  }
  // What it has learned may be enough for what it was asked: that is for it to say.
  if (learned) return
  throw answers.find(({ trouble }) => trouble !== null)?.trouble ?? new Refusal('epoch.unproven')
}

/**
 * Lets a host that has restarted hear from the other hosts of a key which epoch is in force, and how often grants were used: from as
 * many as it asks for, since it believes none alone. The hosts say it to each other, and the gateway only carries it. Once at a time
 * for a host and a key. Rejects with `epoch.unproven` when nobody knows, and with what was in the way when a host that is there could
 * not be asked.
 */
export function createRecall(hosts: Hosts, timeoutMs: number): Recall {
  const underWay = new Map<string, Promise<void>>()
  return (asker, key, seats) => {
    const name = `${asker.host}/${key.lineage}`
    const known = underWay.get(name)
    if (known) return known
    const done = recall({ hosts, timeoutMs }, asker, key, seats).finally(() => underWay.delete(name))
    underWay.set(name, done)
    return done
  }
}

/** Peers with nothing prepared first, then by newest epoch; and who has lived longest, who knows most of grants. */
const byUse = (a: Heard, b: Heard): number =>
  usefulness(b) - usefulness(a) || a.recollection.body.life.startedAt - b.recollection.body.life.startedAt
const usefulness = ({ recollection: { body } }: Heard): number =>
  (body.prepared === null ? 1_000_000 : 0) + (body.current?.epoch ?? -1)
