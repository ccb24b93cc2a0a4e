import { Refusal } from '../errors.ts'

/**
 * A frame on a vsock, UNIX or TCP stream, big-endian:
 *
 *     u32 length of what follows | u32 request id | u32 milliseconds left | CBOR body
 *
 * A reply bears the id of its request and 0 ms. Time is sent as what is left since the two clocks may differ.
 */
export type Frame = { id: number; deadline: number; body: Uint8Array }

/**
 * Bytes of the longest body. Checked against the length field before anything is allocated. The longest question has a
 * host join 100 items of 100 hosts, each of whose owners has decided on every item and named all lives: 1,048,576 for request and items, 100
 * words of 8,500, 100 commitments of 11,500, and 100 partials of 5,800 make some 3,630,000.
 */
export const MAX_BODY = 4 << 20
const HEADER = 12

export function encodeFrame({ id, deadline, body }: Frame): Uint8Array {
  if (body.length > MAX_BODY) throw new Refusal('frame.invalid')
  const frame = new Uint8Array(HEADER + body.length)
  const view = new DataView(frame.buffer)
  view.setUint32(0, body.length + HEADER - 4)
  view.setUint32(4, id)
  view.setUint32(8, deadline)
  frame.set(body, HEADER)
  return frame
}

/**
 * Cuts a stream into frames, however its bytes are chunked. Returns a function that takes the next chunk and gives the
 * frames that it completed. Throws `frame.invalid` for a length that is too short or too long; the stream is then lost.
 * Chunks are joined once per frame, so that a peer that sends byte by byte costs no more than one that does not.
 */
export function createFrameReader(): (chunk: Uint8Array) => Frame[] {
  let chunks: Uint8Array[] = []
  let size = 0
  let wanted = 4
  return (chunk) => {
    chunks.push(chunk)
    size += chunk.length
    const frames: Frame[] = []
    while (size >= wanted) {
      const pending = chunks.length === 1 ? (chunks[0] ?? chunk) : join(chunks, size)
      const cut = cutFrame(pending)
      if (cut.frame) frames.push(cut.frame)
      chunks = [pending.subarray(cut.used)]
      size -= cut.used
      wanted = cut.wanted
    }
    return frames
  }
}

/** `pending` holds at least a length. Either a whole frame is cut off, or it is said how many bytes a whole one takes. */
function cutFrame(pending: Uint8Array): { frame?: Frame; used: number; wanted: number } {
  const view = new DataView(pending.buffer, pending.byteOffset, pending.length)
  const length = view.getUint32(0)
  if (length < HEADER - 4 || length > MAX_BODY + HEADER - 4) throw new Refusal('frame.invalid')
  if (pending.length < 4 + length) return { used: 0, wanted: 4 + length }
  const frame = {
    id: view.getUint32(4),
    deadline: view.getUint32(8),
    body: new Uint8Array(pending.buffer, pending.byteOffset + HEADER, 4 + length - HEADER),
  }
  return { frame, used: 4 + length, wanted: 4 }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
