import { openSync } from 'node:fs'
import { Refusal } from '@quorate/shared/errors'
import { libc, systemError } from '@quorate/shared/linux/libc'
import { longestReply, longestRequest, type NsmTransport } from './nsm.ts'

/** NSM_IOCTL_RAW of linux/nsm.h: _IOWR(0x0A, 0, struct nsm_raw), which is 32 bytes. */
const NSM_IOCTL_RAW = 0xc020_0a00n

/**
 * The NSM by its device. Each request is one ioctl, which holds the event loop while the module works (some milliseconds for a
 * document). Throws a plain Error when there is no such device; the transport throws `enclave.failed`, with the errno as its cause.
 */
export function openNsmDevice(path = '/dev/nsm'): NsmTransport {
  const fd = openSync(path, 'r+')
  // Buffers that the kernel writes into stay where they are, and are ours alone: one request is under way at a time.
  const request = new Uint8Array(new ArrayBuffer(longestRequest))
  const reply = new Uint8Array(new ArrayBuffer(longestReply))
  const { ioctl, addressOf, errno } = libc()
  return (body) => {
    if (body.length > longestRequest) return Promise.reject(new Refusal('enclave.failed'))
    request.set(body)
    const message = encodeRawMessage(addressOf(request.buffer), body.length, addressOf(reply.buffer), longestReply)
    const result = ioctl(fd, NSM_IOCTL_RAW, message)
    const failed = result === 0 ? null : systemError('NSM_IOCTL_RAW', errno())
    const answered = readReplyLength(message)
    const answer = failed === null && answered <= longestReply ? reply.slice(0, answered) : null
    request.fill(0)
    reply.fill(0)
    return answer === null ? Promise.reject(refusedFor(failed)) : Promise.resolve(answer)
  }
}

/** What a caller sees is the refusal; the console of an enclave that does not start shows what the kernel said. */
const refusedFor = (cause: Error | null): Refusal => Object.assign(new Refusal('enclave.failed'), { cause })

/** struct nsm_raw of linux/nsm.h: address and length of the request, then of the room for the reply, each a u64. */
export function encodeRawMessage(request: bigint, length: number, reply: bigint, room: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(request, BigInt(length), reply, BigInt(room)).buffer)
}

/** The driver leaves the reply's length where the room was. */
function readReplyLength(message: Uint8Array): number {
  return Number(new DataView(message.buffer).getBigUint64(24, true))
}
