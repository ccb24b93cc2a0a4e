import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { Digest, KeyId, SignKey } from '@quorate/shared/wire/ids'
import type { Recollection, Remembered } from '@quorate/shared/wire/recall'
import type { Hosts } from '../engine/ports.ts'
import { isUnwell } from '../hosts/health.ts'

/**
 * A key by its id, and as hosts call it. `index`: the seat of who asks. `seats`: of all hosts of the key. `restore`: gives a host its share
 * of it, where there are shares to give.
 */
export type RecalledKey = Readonly<{
  keyId: KeyId
  lineage: Digest
  index: number
  seats: readonly Seat[]
  restore?: (seat: Seat) => Promise<void>
}>

export type Telling = Readonly<{ hosts: Hosts; timeoutMs: number }>

/** What one peer has said. `from`: it signs with this key. */
export type Heard = Readonly<{ from: SignKey; recollection: Recollection }>

type Asker = Pick<HostParams<'recall.tell'>, 'asker' | 'life'>
type Seated = Readonly<{ key: RecalledKey; index: number }>

/** Gives a host these shares. Gives the keys whose shares it has taken. */
export async function restoreAll(host: HostId, lacking: readonly Seated[]): Promise<Seated[]> {
  const restored: Seated[] = []
  for (const seated of lacking) {
    const { key, index } = seated
    try {
      await key.restore?.({ index, host })
      restored.push(seated)
    } catch (error) {
      // What is wrong with one share says nothing of the others.
      if (!(error instanceof Refusal) || isUnwell(error.code)) throw error
    }
  }
  return restored
}

/** Everything that a peer can say of these keys, in as many answers as it takes. It is given the shares that it lacks for it, once. */
export async function tellAll(
  { hosts, timeoutMs }: Telling,
  asker: Asker,
  peer: HostId,
  keys: readonly RecalledKey[],
): Promise<Heard[]> {
  const heard: Heard[] = []
  const brought = new Set<KeyId>()
  let left: readonly Seated[] = keys.flatMap((key) => {
    const seat = key.seats.find(({ host }) => host === peer)
    return seat ? { key, index: seat.index } : []
  })
  if (left.length === 0) return heard
  const { identity } = await hosts.ask(peer, 'hello', {}, timeoutMs)
  if (identity === null) throw new Refusal('enclave.locked')
  while (left.length > 0) {
    const asked = left.map(({ key: { keyId, lineage }, index }) => ({ keyId, lineage, index }))
    const { recollection, refused } = await hosts.ask(peer, 'recall.tell', { ...asker, keys: asked }, timeoutMs)
    heard.push({ from: identity.signKey, recollection })
    const told = new Set(recollection.body.keys.map(({ lineage }) => lineage))
    const codes = new Map(refused.map(({ keyId, code }) => [keyId, code]))
    const lacking = left.filter(
      ({ key: { keyId, restore } }) => restore && codes.get(keyId) === 'key.unknown' && !brought.has(keyId),
    )
    for (const { key } of lacking) brought.add(key.keyId)
    const tooMuch = left.filter(({ key: { keyId, lineage } }) => !told.has(lineage) && !codes.has(keyId))
    // It has said nothing of any key.
    if (tooMuch.length === left.length) throw new Refusal('enclave.failed')
    left = [...tooMuch, ...(await restoreAll(peer, lacking))]
  }
  return heard
}

/** Peers with nothing prepared first, then by newest epoch; and who has lived longest, who knows most of grants. Of many keys on the average. */
export const byUse = (a: Heard, b: Heard): number =>
  usefulness(b) - usefulness(a) || a.recollection.body.life.startedAt - b.recollection.body.life.startedAt

const usefulness = ({ recollection: { body } }: Heard): number =>
  body.keys.reduce((sum, memory) => sum + usefulnessOf(memory), 0) / Math.max(1, body.keys.length)

const usefulnessOf = ({ current, prepared }: Remembered): number =>
  (prepared === null ? 1_000_000 : 0) + (current?.epoch ?? -1)
