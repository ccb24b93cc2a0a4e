import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { createFrameReader, encodeFrame, type Frame } from '@quorate/shared/wire/frame'
import { listenVsock, PARENT_CID } from '@quorate/shared/linux/vsock'
import type { ListenAddress } from '@quorate/shared/wire/address'
import type { Dispatch } from './dispatch.ts'

/** Requests of one connection that may be under way at once; beyond it the enclave stops reading from that connection. */
const MAX_IN_FLIGHT = 256

/**
 * Serves frames on a UNIX, TCP or vsock port, or on what socat makes of one. Many requests of a connection are under way at
 * once; a stream that breaks the framing is cut; a reply that comes after its request's deadline is dropped, since nobody
 * waits for it any more. On vsock, peers of other CIDs than these are cut. Resolves when it listens.
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
  let inFlight = 0

  async function answer({ id, deadline, body }: Frame): Promise<void> {
    const arrivedAt = performance.now()
    const reply = await dispatch(body)
    const late = deadline > 0 && performance.now() - arrivedAt > deadline
    if (!late && !socket.destroyed) socket.write(encodeFrame({ id, deadline: 0, body: reply }))
  }

  function begin(frame: Frame): void {
    inFlight += 1
    if (inFlight >= MAX_IN_FLIGHT) socket.pause()
    void answer(frame)
      .catch(() => socket.destroy())
      .finally(() => {
        inFlight -= 1
        if (inFlight < MAX_IN_FLIGHT && socket.isPaused()) socket.resume()
      })
  }

  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of read(chunk)) begin(frame)
    } catch {
      socket.destroy()
    }
  })
  socket.on('error', () => socket.destroy())
}
