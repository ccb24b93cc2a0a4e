import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isOfTheDisk, type StoreFault } from './faults.ts'
import type { Sender } from './sender.ts'
import type { Fitness } from './store.ts'

/** What must be free on the disk: as much as the WAL grows to before it is brought into the database. */
const ROOM = 16 << 20

/**
 * Remembers whether the last write failed by the disk's fault. While it did, each question writes a probe, so that the store counts as open
 * again as soon as there is room.
 */
export function createFitness(path: string) {
  let unwell: string | null = null
  const room = async (): Promise<boolean> => {
    const { bavail, bsize } = await statfs(dirname(path))
    return bavail * bsize >= ROOM
  }
  return {
    onWritten: (): void => void (unwell = null),
    onFault: ({ cause }: StoreFault): void => {
      if (isOfTheDisk(cause)) unwell = cause
    },
    /** Never rejects. */
    async ask(sender: Pick<Sender, 'send'>): Promise<Fitness> {
      try {
        if (unwell === null) await sender.send('loadReply', ['probe', '', 0])
        else {
          await sender.send('probe', ['begin'], true)
          await sender.send('probe', ['end'], true)
        }
        return (await room()) ? { state: 'open' } : { state: 'failed', cause: 'room' }
      } catch {
        return { state: 'failed', cause: unwell ?? 'unknown' }
      }
    },
  }
}
