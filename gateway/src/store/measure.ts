import { stat } from 'node:fs/promises'
import type { Sender } from './sender.ts'
import type { StoreSize } from './store.ts'

const bytesOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/** How large the database at `path` is. Rejects when it does not answer. */
export async function measure(path: string, sender: Pick<Sender, 'send'>): Promise<StoreSize> {
  const [file, wal, audit] = await Promise.all([bytesOf(path), bytesOf(`${path}-wal`), sender.send('auditHeight', [])])
  return { bytes: { file, wal }, audit }
}
