import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { Recollection } from '@quorate/shared/wire/recall'
import { isUnwell } from './host-health.ts'
import type { LoadKey } from './key-cache.ts'
import type { Ports } from './ports.ts'
import { restoreShare } from './restore-share.ts'

/** Who holds a share of a key, and where. */
type Holder = Readonly<{ index: number; enclaveId: EnclaveId }>
type Heard = Readonly<{ from: number; recollection: Recollection }>

export type Recall = (asker: Holder, keyId: KeyId, holders: readonly Holder[]) => Promise<void>

/** What a peer said, if it had something to say; or why it could not be asked, though it seems to be there. */
type Answer = Readonly<{ heard: Heard | null; trouble: Refusal | null }>

const nothing: Answer = { heard: null, trouble: null }
/** What an enclave may say of an answer that it was brought. Another peer may have a better one. */
const notTaken: ReadonlySet<RefusalCode> = new Set(['epoch.unproven', 'manifest.stale', 'peer.unknown'])

/**
 * Lets an enclave that has restarted hear from the other hosts of a key which epoch is in force. They say it to each other, and
 * the gateway only carries it. Once at a time for an enclave and a key. Rejects with `epoch.unproven` when nobody knows, and with
 * what was in the way when a host that is there could not be asked.
 */
export function createRecall({ enclaves }: Pick<Ports, 'enclaves'>, loadKey: LoadKey, timeoutMs: number): Recall {
  const underWay = new Map<string, Promise<void>>()

  async function tell(life: string, keyId: KeyId, { index, enclaveId }: Holder): Promise<Heard | null> {
    const { recollection } = await enclaves.call(enclaveId, 'recall.tell', { keyId, life }, timeoutMs)
    const { current, prepared } = recollection.body
    return current === null && prepared === null ? null : { from: index, recollection }
  }

  async function ask(asker: EnclaveId, life: string, keyId: KeyId, peer: Holder): Promise<Answer> {
    const { index, enclaveId } = peer
    if (enclaves.status(enclaveId).state !== 'ready') return nothing
    try {
      let heard = await tell(life, keyId, peer)
      if (heard === null) {
        // It may have made the key, and not seen its certificate since.
        await restoreShare({ enclaves, loadKey, timeoutMs }, enclaveId, keyId, index)
        heard = await tell(life, keyId, peer)
      }
      if (heard !== null) await enclaves.introduce([asker, enclaveId])
      return { heard, trouble: null }
    } catch (error) {
      const isTrouble = error instanceof Refusal && enclaves.status(enclaveId).state === 'ready'
      return isTrouble && isUnwell(error.code) ? { heard: null, trouble: error } : nothing
    }
  }

  /** Has the asker taken it, and does it know the epoch now? */
  async function bring({ index, enclaveId }: Holder, keyId: KeyId, { from, recollection }: Heard) {
    try {
      const { epoch } = await enclaves.call(enclaveId, 'recall.learn', { keyId, index, from, recollection }, timeoutMs)
      return { taken: true, knows: epoch !== null }
    } catch (error) {
      if (!(error instanceof Refusal) || !notTaken.has(error.code)) throw error
      return { taken: false, knows: false }
    }
  }

  async function recall(asker: Holder, keyId: KeyId, holders: readonly Holder[]): Promise<void> {
    const { bootId } = await enclaves.call(asker.enclaveId, 'hello', {}, timeoutMs)
    const others = holders.filter(({ enclaveId }) => enclaveId !== asker.enclaveId)
    const answers = await Promise.all(others.map((other) => ask(asker.enclaveId, bootId, keyId, other)))
    let learned = false
    for (const heard of answers.flatMap((answer) => answer.heard ?? []).sort(byUse)) {
      const { taken, knows } = await bring(asker, keyId, heard)
      if (knows) return
      learned ||= taken
    }
    // What it has learned may be enough for what it was asked: that is for it to say.
    if (learned) return
    throw answers.find(({ trouble }) => trouble !== null)?.trouble ?? new Refusal('epoch.unproven')
  }

  return (asker, keyId, holders) => {
    const name = `${asker.enclaveId}/${keyId}`
    const known = underWay.get(name)
    if (known) return known
    const done = recall(asker, keyId, holders).finally(() => underWay.delete(name))
    underWay.set(name, done)
    return done
  }
}

/** Those first that are about to leave no version, and know the newest. */
const byUse = (a: Heard, b: Heard): number => usefulness(b) - usefulness(a)
const usefulness = ({ recollection: { body } }: Heard): number =>
  (body.prepared === null ? 1_000_000 : 0) + (body.current?.epoch ?? 0)
