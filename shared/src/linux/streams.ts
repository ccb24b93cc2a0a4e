import { setTimeout as sleep } from 'node:timers/promises'
import type { Server, Socket } from 'node:net'
import { adoptListener, adoptStream, openSocket } from './descriptors.ts'
import { checked, libc, systemError } from './libc.ts'

const SOL_SOCKET = 1
const SO_ERROR = 4
const POLLOUT = 4
const EINPROGRESS = 115
const longestPause = 16

/** Connects to a sockaddr. Throws what connect(2) fails with, or the signal's reason. */
export async function connectStream(address: Uint8Array, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const { connect, close, errno } = libc()
  const fd = openSocket(familyOf(address))
  try {
    if (connect(fd, address, address.length) !== 0) {
      const reason = errno()
      if (reason !== EINPROGRESS) throw systemError('connect', reason)
      await connected(fd, signal)
    }
  } catch (error) {
    close(fd)
    throw error
  }
  return adoptStream(fd)
}

/**
 * libuv waits for a connect on TCP and UNIX only, so this looks itself, at growing intervals. A peer on the same machine
 * accepts or refuses in well under a millisecond; only one that is silent is looked at more than a few times.
 */
async function connected(fd: number, signal: AbortSignal): Promise<void> {
  for (let pause = 1; !isSettled(fd); pause = Math.min(pause * 2, longestPause)) {
    try {
      await sleep(pause, undefined, { signal })
    } catch {
      signal.throwIfAborted()
    }
  }
  const error = new Int32Array(1)
  checked('getsockopt', libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, error, Uint32Array.of(4)))
  if (error[0] !== 0) throw systemError('connect', error[0] ?? 0)
}

function isSettled(fd: number): boolean {
  // struct pollfd: int fd; short events; short revents.
  const entry = Int32Array.of(fd, POLLOUT)
  return checked('poll', libc().poll(entry, 1n, 0)) > 0
}

/** Binds to a sockaddr and listens. Throws what bind(2) or listen(2) fail with. */
export function listenStream(address: Uint8Array, backlog = 128): Server {
  const { bind, listen, close } = libc()
  const fd = openSocket(familyOf(address))
  try {
    checked('bind', bind(fd, address, address.length))
    checked('listen', listen(fd, backlog))
  } catch (error) {
    close(fd)
    throw error
  }
  return adoptListener(fd)
}

/** The first field of every sockaddr, in the machine's byte order, which is little-endian where enclaves run. */
const familyOf = (address: Uint8Array): number => (address[0] ?? 0) | ((address[1] ?? 0) << 8)
