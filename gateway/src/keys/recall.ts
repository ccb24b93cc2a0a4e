import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { KeyId, SignKey } from '@quorate/shared/wire/ids'
import type { Hosts } from '../engine/ports.ts'
import { isUnwell } from '../hosts/health.ts'
import { byUse, restoreAll, tellAll, type Heard, type RecalledKey, type Telling } from './recollections.ts'

/** What became of one key. `learned`: something, which may be enough. `settled`: all that there is. `trouble`: what was in the way. */
export type Recalled = Readonly<{ keyId: KeyId; learned: boolean; settled: boolean; trouble: Refusal | null }>

/** Lets a host hear of one key. `seats`: of all its hosts. Gives what kept one of these that seems to be there from saying what it knows. */
export type Recall = (
  asker: Seat,
  key: Omit<RecalledKey, 'index' | 'seats'>,
  seats: readonly Seat[],
) => Promise<Refusal | null>

/** Lets a host hear of these keys, `MAX_RECALLED` at most. */
export type RecallMany = (asker: HostId, keys: readonly RecalledKey[]) => Promise<readonly Recalled[]>

/** What a host may say of an answer that it was brought. Another peer may have a better one. */
const notTaken: ReadonlySet<RefusalCode> = new Set(['epoch.unproven', 'manifest.stale', 'peer.unknown', 'life.retired'])

/** What a peer said, if it had something to say; or why it could not be asked, though it seems to be there. */
type Answer = Readonly<{ heard: readonly Heard[]; trouble: Refusal | null }>

const nothing: Answer = { heard: [], trouble: null }

/** Who asks: this host, in this life, which signs with this key. */
type Question = Readonly<{ tools: Telling; asker: HostId; life: string; signKey: SignKey }>

async function ask({ tools, asker, ...of }: Question, peer: HostId, keys: readonly RecalledKey[]): Promise<Answer> {
  const { hosts } = tools
  const isReady = () => hosts.state(peer) === 'ready'
  if (!isReady()) return nothing
  try {
    // Each hears of the other only who it is now.
    await hosts.introduce([asker, peer])
    return { heard: await tellAll(tools, { asker: of.signKey, life: of.life }, peer, keys), trouble: null }
  } catch (error) {
    const isTrouble = error instanceof Refusal && isReady()
    return isTrouble && isUnwell(error.code) ? { heard: [], trouble: error } : nothing
  }
}

type Taken = Readonly<{ settled: ReadonlySet<KeyId>; refused: ReadonlyMap<KeyId, RefusalCode> }>

async function learn(
  { tools, asker }: Question,
  { from, recollection }: Heard,
  keys: readonly RecalledKey[],
): Promise<Taken> {
  const params = { from, recollection, keys: keys.map(({ keyId, index }) => ({ keyId, index })) }
  const { learned, refused } = await tools.hosts.ask(asker, 'recall.learn', params, tools.timeoutMs)
  return {
    settled: new Set(learned.flatMap(({ keyId, settled }) => (settled ? keyId : []))),
    refused: new Map(refused.map(({ keyId, code }) => [keyId, code])),
  }
}

/** Brings the asker one answer, and the shares that it lacks for it. */
async function bring(question: Question, heard: Heard, keys: readonly RecalledKey[]): Promise<Taken> {
  try {
    const first = await learn(question, heard, keys)
    const lacking = keys.filter(({ keyId, restore }) => restore && first.refused.get(keyId) === 'key.unknown')
    if (lacking.length === 0) return first
    const restored = await restoreAll(
      question.asker,
      lacking.map((key) => ({ key, index: key.index })),
    )
    if (restored.length === 0) return first
    const second = await learn(
      question,
      heard,
      restored.map(({ key }) => key),
    )
    const others = [...first.refused].filter(([keyId]) => restored.every(({ key }) => key.keyId !== keyId))
    return {
      settled: new Set([...first.settled, ...second.settled]),
      refused: new Map([...others, ...second.refused]),
    }
  } catch (error) {
    if (!(error instanceof Refusal) || !notTaken.has(error.code)) throw error
    return { settled: new Set(), refused: new Map(keys.map(({ keyId }) => [keyId, error.code])) }
  }
}

/** Brings the asker one answer after the other, of each key until it needs no more. */
async function bringAll(question: Question, heard: readonly Heard[], keys: readonly RecalledKey[]) {
  const outcome = new Map<KeyId, Omit<Recalled, 'keyId'>>()
  const of = (keyId: KeyId) => outcome.get(keyId) ?? { learned: false, settled: false, trouble: null }
  for (const one of heard) {
    const said = new Map(one.recollection.body.keys.map((memory) => [memory.lineage, memory]))
    const open = keys.filter(({ keyId, lineage }) => said.has(lineage) && !of(keyId).settled)
    if (open.length === 0) continue
    const { settled, refused } = await bring(question, one, open)
    for (const { keyId, lineage } of open) {
      const before = of(keyId)
      const code = refused.get(keyId)
      const memory = said.get(lineage)
      const remembered = memory !== undefined && (memory.current !== null || memory.prepared !== null)
      outcome.set(keyId, {
        learned: before.learned || (code === undefined && remembered),
        settled: settled.has(keyId),
        trouble: code === undefined || notTaken.has(code) ? before.trouble : new Refusal(code),
      })
    }
  }
  return of
}

/**
 * Lets a host hear from the other hosts of these keys which epoch is in force, and how often grants were used. All peers are asked at
 * once, each for all keys of which it is a host.
 */
async function recallMany(tools: Telling, asker: HostId, keys: readonly RecalledKey[]): Promise<readonly Recalled[]> {
  const { bootId, identity } = await tools.hosts.ask(asker, 'hello', {}, tools.timeoutMs)
  if (identity === null) throw new Refusal('enclave.locked')
  const question = { tools, asker, life: bootId, signKey: identity.signKey }
  const peers = [...new Set(keys.flatMap(({ seats }) => seats.map(({ host }) => host)))].filter(
    (host) => host !== asker,
  )
  const answers = new Map(
    await Promise.all(peers.map(async (peer) => [peer, await ask(question, peer, keys)] as const)),
  )
  const of = await bringAll(question, [...answers.values()].flatMap(({ heard }) => heard).sort(byUse), keys)
  return keys.map(({ keyId, seats }) => {
    const outcome = of(keyId)
    const away = seats.flatMap(({ host }) => answers.get(host)?.trouble ?? [])[0] ?? null
    return { keyId, ...outcome, trouble: outcome.trouble ?? away }
  })
}

async function recallOne(tools: Telling, key: RecalledKey, asker: HostId): Promise<Refusal | null> {
  const [outcome] = await recallMany(tools, asker, [key])
  // What it has learned may be enough for what it was asked: that is for it to say.
  const trouble = outcome?.trouble ?? null
  if (outcome?.learned || outcome?.settled) return trouble !== null && isUnwell(trouble.code) ? trouble : null
  throw trouble ?? new Refusal('epoch.unproven')
}

/**
 * How a host that has restarted hears from others what happened before: from as many as it asks for, since it believes none alone. The
 * hosts say it to each other, and the gateway only carries it. `one`: once at a time for a host and a key. It rejects with
 * `epoch.unproven` when nobody knows, and with what was in the way when a host that is there could not be asked.
 */
export function createRecall(hosts: Hosts, timeoutMs: number): Readonly<{ one: Recall; many: RecallMany }> {
  const tools = { hosts, timeoutMs }
  const underWay = new Map<string, Promise<Refusal | null>>()
  return {
    many: (asker, keys) => recallMany(tools, asker, keys),
    one: ({ index, host }, key, seats) => {
      const name = `${host}/${key.lineage}`
      const known = underWay.get(name)
      if (known) return known
      const done = recallOne(tools, { ...key, index, seats }, host).finally(() => underWay.delete(name))
      underWay.set(name, done)
      return done
    },
  }
}
