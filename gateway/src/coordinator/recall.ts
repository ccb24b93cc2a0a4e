import { Refusal } from '@quorate/shared/errors'
import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { Recollection } from '@quorate/shared/wire/recall'
import type { LoadKey } from './key-cache.ts'
import type { Ports } from './ports.ts'
import { restoreShare } from './restore-share.ts'

/** Who holds a share of a key, and where. */
type Holder = Readonly<{ index: number; enclaveId: EnclaveId }>
type Heard = Readonly<{ from: number; recollection: Recollection }>

export type Recall = (asker: Holder, keyId: KeyId, holders: readonly Holder[]) => Promise<void>

/**
 * Lets an enclave that has restarted hear from the other hosts of a key which epoch is in force. They say it to each other, and
 * the gateway only carries it. Once at a time for an enclave and a key. Rejects with `epoch.unproven` when nobody knows.
 */
export function createRecall({ enclaves }: Pick<Ports, 'enclaves'>, loadKey: LoadKey, timeoutMs: number): Recall {
  const underWay = new Map<string, Promise<void>>()

  async function ask(life: string, keyId: KeyId, { index, enclaveId }: Holder): Promise<Heard[]> {
    const tell = async (): Promise<Heard[]> => {
      const { recollection } = await enclaves.call(enclaveId, 'recall.tell', { keyId, life }, timeoutMs)
      const { current, prepared } = recollection.body
      return current === null && prepared === null ? [] : [{ from: index, recollection }]
    }
    try {
      const heard = await tell()
      if (heard.length > 0) return heard
      // It may have made the key, and not seen its certificate since.
      await restoreShare({ enclaves, loadKey, timeoutMs }, enclaveId, keyId, index)
      return await tell()
    } catch {
      // Who does not answer has nothing to say.
      return []
    }
  }

  async function recall({ index, enclaveId }: Holder, keyId: KeyId, holders: readonly Holder[]): Promise<void> {
    const { bootId } = await enclaves.call(enclaveId, 'hello', {}, timeoutMs)
    const others = holders.filter((holder) => holder.enclaveId !== enclaveId)
    const heard = (await Promise.all(others.map((other) => ask(bootId, keyId, other)))).flat()
    for (const { from, recollection } of heard.sort(byUse)) {
      const { epoch } = await enclaves.call(enclaveId, 'recall.learn', { keyId, index, from, recollection }, timeoutMs)
      if (epoch !== null) return
    }
    throw new Refusal('epoch.unproven')
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
