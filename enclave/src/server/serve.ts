import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { createFrameReader, encodeFrame } from '@quorate/shared/wire/frame'
import { listenVsock, PARENT_CID } from '@quorate/shared/linux/vsock'
import type { ListenAddress } from '@quorate/shared/wire/address'
import { Calls } from './calls.ts'
import type { Dispatch } from './dispatch.ts'

/**
 * Serves frames on a UNIX, TCP or vsock port, or on what socat makes of one. Many requests of a connection are under way at
 * once, and no more are read while there are too many; a stream that breaks the framing is cut; a reply that comes after its
 * request's deadline is dropped, since nobody waits for it any more. On vsock, peers of other CIDs than these are cut. Resolves when it listens.
 */
export async function serve(
  address: ListenAddress,
  dispatch: Dispatch,
  peers: readonly number[] = [PARENT_CID],
): Promise<Server> {
  const accept = (socket: Socket) => serveConnection(socket, dispatch)
  if (address.kind === 'vsock') return listenVsock(address.port, peers, accept)
  const server = createServer({ noDelay: true }, accept)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (address.kind === 'unix') {
      rmSync(address.path, { force: true })
      server.listen({ path: address.path }, resolve)
    } else server.listen({ host: address.host, port: address.port }, resolve)
  })
  return server
}

function serveConnection(socket: Socket, dispatch: Dispatch): void {
  const read = createFrameReader()
  const calls = new Calls({
    begin: async ({ id, body }, isLate) => {
      try {
        const reply = await dispatch(body)
        if (!isLate() && !socket.destroyed) socket.write(encodeFrame({ id, deadline: 0, body: reply }))
      } catch {
        socket.destroy()
      }
    },
    room: (is) => {
      if (!is) socket.pause()
      else if (socket.isPaused()) socket.resume()
    },
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of read(chunk)) calls.add(frame)
    } catch {
      socket.destroy()
    }
  })
  socket.on('error', () => socket.destroy())
  for (const gone of ['end', 'close']) socket.on(gone, () => calls.drop())
}
