/** A message behind its length, u32 big-endian. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + message.length)
  new DataView(framed.buffer).setUint32(0, message.length)
  framed.set(message, 4)
  return framed
}

/** Cuts a stream into messages, however it is chunked. Throws a RangeError when a length is beyond the limit. */
export function createMessageReader(limit: number): (chunk: Uint8Array) => Uint8Array[] {
  let pending = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    const messages: Uint8Array[] = []
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0)
      if (length > limit) throw new RangeError('message too long')
      if (pending.length < 4 + length) break
      messages.push(Uint8Array.from(pending.subarray(4, 4 + length)))
      pending = pending.subarray(4 + length)
    }
    return messages
  }
}
