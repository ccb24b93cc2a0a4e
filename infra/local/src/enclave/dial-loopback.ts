import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** In place of the parent's vsock proxy: a stream to this port of the loopback. Throws what connecting fails with, or the signal's reason. */
export async function dialLoopback(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
