import type { HostId } from '@quorate/shared/wire/host'
import type { Hosts } from './ports.ts'

/**
 * Resolves when all of these hosts are ready, after `ms` at the latest. A gateway that has just started has reached nobody: an
 * attempt that it took up at once would be given up, with its nonces, though every host still stands in it.
 */
export async function untilReady(
  hosts: Pick<Hosts, 'state' | 'subscribe'>,
  ids: readonly HostId[],
  ms: number,
): Promise<void> {
  const areReady = () => ids.every((id) => hosts.state(id) === 'ready')
  if (areReady()) return
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      unsubscribe()
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    const unsubscribe = hosts.subscribe(() => areReady() && done())
  })
}
