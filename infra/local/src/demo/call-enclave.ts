import { connect } from 'node:net'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { parseListenAddress } from '@quorate/shared/wire/address'
import { type HostMethod } from '@quorate/shared/ceremonies/host-methods'
import { ReplyBodyFrame } from '@quorate/shared/wire/host'
import { createFrameReader, encodeFrame } from '@quorate/shared/wire/frame'

/** Asks an enclave what only its gateway is placed to ask. Gives the code of its refusal, or null when it answered. */
export async function callEnclave(address: string, method: HostMethod, params: unknown): Promise<string | null> {
  const target = parseListenAddress(address)
  if (target.kind === 'vsock') throw new Error('an enclave of this machine listens on a UNIX socket or a TCP port')
  const socket = target.kind === 'unix' ? connect(target.path) : connect(target.port, target.host)
  try {
    socket.write(encodeFrame({ id: 1, deadline: 0, body: encode([method, params]) }))
    const read = createFrameReader()
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const [frame] = read(chunk)
      if (frame === undefined) continue
      const reply = ReplyBodyFrame.parse(decode(frame.body))
      return 'refusal' in reply ? reply.refusal.code : null
    }
    throw new Error('the enclave hung up')
  } finally {
    socket.destroy()
  }
}
