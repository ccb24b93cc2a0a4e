import type { Server, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { adoptListener, AF_UNIX, openSocket, ownAddress, peerAddress } from './descriptors.ts'
import { checked, libc } from './libc.ts'
import { connectStream } from './streams.ts'

/** Of silence, in ms: a machine that is busy, or emulated, is not a Node that cannot. */
const patience = 10_000

/**
 * Tries, on a UNIX socket without a name in any folder, everything that vsock streams lean on: descriptors put under a
 * server's and a client's number, the address of a peer, bytes both ways, half-close and close. Run at the start of what
 * uses vsock, so that a Node in which this does not work any more says so before anybody depends on it. Throws a plain Error.
 */
export async function testStreams(): Promise<void> {
  const { server, address } = listenAnywhere()
  try {
    const peers: (Uint8Array | null)[] = []
    server.on('connection', (socket: Socket) => {
      peers.push(peerAddress(socket))
      socket.on('error', () => socket.destroy()).pipe(socket)
    })
    const sent = Buffer.from(Uint8Array.from({ length: 0x10000 }, (_, at) => at % 251))
    const socket = await connectStream(address, AbortSignal.timeout(patience))
    socket.setTimeout(patience, () => socket.destroy(new Error('timed out')))
    socket.end(sent)
    if (!sent.equals(await buffer(socket))) throw new Error('other bytes came back')
    if (peers[0]?.[0] !== AF_UNIX) throw new Error('the peer of a stream cannot be told')
  } catch (error) {
    throw new Error('this Node does not carry streams by descriptor', { cause: error })
  } finally {
    server.close()
  }
}

function listenAnywhere(): { server: Server; address: Uint8Array } {
  const fd = openSocket(AF_UNIX)
  checked('bind', libc().bind(fd, Uint8Array.of(AF_UNIX, 0), 2))
  checked('listen', libc().listen(fd, 1))
  const address = ownAddress(fd)
  const server = adoptListener(fd)
  if (address !== null) return { server, address }
  server.close()
  throw new Error('a socket without an address')
}
