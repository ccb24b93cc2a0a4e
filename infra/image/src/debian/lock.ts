import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs alone among all who take this file for their lock. A lock of the kernel's, held by a process that ends with its input: it is
 * free again when this process is gone, however it went.
 */
export async function withLock<T>(file: string, act: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo && exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(holder, 'close')
  await Promise.race([once(holder.stdout, 'data'), ended])
  if (holder.exitCode !== null) throw new Error(`${file} cannot be locked`)
  try {
    return await act()
  } finally {
    holder.stdin.end()
    await ended
  }
}
