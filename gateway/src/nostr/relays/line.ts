import { WebSocket } from 'ws'

/** A connection to a relay: texts go both ways. */
export type Line = Readonly<{ send: (text: string) => void; close: () => void }>

/** `lost`: it could not be opened, or is gone; nothing more is heard of it. */
export type LineEvents = Readonly<{ opened: () => void; said: (text: string) => void; lost: () => void }>

export type OpenLine = (url: string, events: LineEvents) => Line

/** The longest message of a relay, bytes: a request as large as NIP-46 has them fits. A longer one ends the connection. */
const LONGEST = 2 << 20
/** What may wait to be sent. A relay that takes nothing is lost. */
const MOST_WAITING = 32 << 20
const HANDSHAKE_MS = 10_000

export const openLine: OpenLine = (url, { opened, said, lost }) => {
  const socket = new WebSocket(url, {
    maxPayload: LONGEST,
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS,
    followRedirects: false,
  })
  socket.on('open', opened)
  socket.on('message', (data, isBinary) => {
    if (!isBinary) said((data as Buffer).toString('utf8'))
  })
  // What went wrong is said by `close`, which follows.
  socket.on('error', () => undefined)
  socket.on('close', lost)
  return {
    send(text) {
      if (socket.bufferedAmount > MOST_WAITING) socket.terminate()
      else socket.send(text, () => undefined)
    },
    close: () => socket.terminate(),
  }
}
