import { createServer, Socket, type Server } from 'node:net'
import { checked, libc } from './libc.ts'
import { inSmallWrites } from './small-writes.ts'

/*
 * Node refuses descriptors of families that it does not know, libuv does not: a stream is what reads and writes as one. So
 * Node is given a UNIX socket, and before the event loop first looks at that, dup3 puts the real socket under its number.
 * What comes out is an ordinary net.Socket or net.Server: half-close, back-pressure, errors and close are libuv's own. Its writes
 * are small, for vsock's sake.
 */
export const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

/** A stream socket of this family, not blocking, that children do not inherit. The caller closes it or has it adopted. */
export const openSocket = (family: number): number =>
  checked('socket', libc().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))

/** Makes a Node stream of a connected socket. Owns the descriptor from here on, whether it throws or not. */
export function adoptStream(fd: number): Socket {
  const { socketpair, close } = libc()
  const pair = new Int32Array([-1, -1])
  try {
    checked('socketpair', socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
    const [placeholder = -1, spare = -1] = pair
    const socket = new Socket({ fd: placeholder })
    try {
      replace(fd, placeholder)
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      close(spare)
    }
    return inSmallWrites(socket)
  } finally {
    close(fd)
  }
}

/** Makes a Node server of a bound socket that listens. Owns the descriptor from here on, whether it throws or not. */
export function adoptListener(fd: number): Server {
  const { close } = libc()
  const server = createServer()
  try {
    const placeholder = openNameless()
    // What keeps a server from listening is told by an event, later; whether it listens is known now.
    if (!server.listen({ fd: placeholder }).listening) throw new Error('the placeholder of a server does not listen')
    replace(fd, placeholder)
    return server.on('connection', inSmallWrites)
  } catch (error) {
    server.on('error', () => undefined).close()
    throw error
  } finally {
    close(fd)
  }
}

/** A UNIX socket that can listen, under an abstract name that the kernel gives and that is gone with it. */
function openNameless(): number {
  const { bind, close } = libc()
  const fd = openSocket(AF_UNIX)
  try {
    checked('bind', bind(fd, Uint8Array.of(AF_UNIX, 0), 2))
    return fd
  } catch (error) {
    close(fd)
    throw error
  }
}

const replace = (fd: number, placeholder: number): number => checked('dup3', libc().dup3(fd, placeholder, SOCK_CLOEXEC))

/**
 * The sockaddr of a stream's other end, of at most 128 bytes. Null when it cannot be told: whoever decides by it refuses
 * then. Node keeps the descriptor of a socket in `_handle.fd`, undocumented since 0.x and part of the self-test.
 */
export function peerAddress(socket: Socket): Uint8Array | null {
  const { fd } = (socket as { _handle?: { fd?: number } | null })._handle ?? {}
  if (fd === undefined || fd < 0) return null
  return readName(libc().getpeername, fd)
}

/** The sockaddr that a socket is bound to, or null. */
export const ownAddress = (fd: number): Uint8Array | null => readName(libc().getsockname, fd)

function readName(ask: ReturnType<typeof libc>['getpeername'], fd: number): Uint8Array | null {
  const name = new Uint8Array(128)
  const length = Uint32Array.of(name.length)
  if (ask(fd, name, length) !== 0) return null
  return name.subarray(0, Math.min(length[0] ?? 0, name.length))
}
