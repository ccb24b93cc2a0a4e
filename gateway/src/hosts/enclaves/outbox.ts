import type { Socket } from 'node:net'
import { MAX_BODY } from '@quorate/shared/wire/frame'

/** Bytes that may wait in a socket for a peer to read them. */
const MOST_UNSENT = MAX_BODY

/** Writes what this makes, or nothing when it gives null. */
export type Write = (make: () => Uint8Array | null) => void

/**
 * Writes to a socket in the order of the calls. What does not fit yet is made when there is room for it: the questions of one round to all seats
 * of a host, as long as they may be, are 140 MB.
 */
export function createOutbox(socket: Socket): Write {
  const waiting: (() => Uint8Array | null)[] = []
  const flush = () => {
    while (waiting.length > 0 && socket.writableLength <= MOST_UNSENT) {
      const made = waiting.shift()?.() ?? null
      if (made !== null) writeWithOthers(socket, made)
    }
  }
  socket.on('drain', flush)
  return (make) => {
    waiting.push(make)
    flush()
  }
}

/** Frames of one turn of the event loop go out in one system call. */
function writeWithOthers(socket: Socket, frame: Uint8Array): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  socket.write(frame)
}
