import type { Server, Socket } from 'node:net'
import { peerAddress } from './descriptors.ts'
import { connectStream, listenStream } from './streams.ts'

const AF_VSOCK = 40
const CID_ANY = 0xffff_ffff
const firstCid = 3

/** Under which an enclave of AWS Nitro finds the instance that runs it, and the only peer that it has. */
export const PARENT_CID = 3

/** struct sockaddr_vm of linux/vm_sockets.h: family u16, reserved u16, port u32, CID u32, flags u8, three zero bytes. */
export function encodeVsockAddress(cid: number, port: number): Uint8Array {
  const address = new DataView(new ArrayBuffer(16))
  address.setUint16(0, AF_VSOCK, true)
  address.setUint32(4, port, true)
  address.setUint32(8, cid, true)
  return new Uint8Array(address.buffer)
}

/** Inverse of `encodeVsockAddress`. Null for what is not a vsock address. */
export function decodeVsockAddress(address: Uint8Array): { cid: number; port: number } | null {
  if (address.length < 16) return null
  const view = new DataView(address.buffer, address.byteOffset, address.length)
  if (view.getUint16(0, true) !== AF_VSOCK) return null
  return { cid: view.getUint32(8, true), port: view.getUint32(4, true) }
}

/**
 * Connects. Throws what connect(2) fails with, or the signal's reason; a RangeError for CIDs 0 to 2 (hypervisor, loopback,
 * host) and for the wildcard, none of which is an enclave or an enclave's parent.
 */
export async function connectVsock(cid: number, port: number, signal: AbortSignal): Promise<Socket> {
  if (cid < firstCid || cid >= CID_ANY) throw new RangeError('not the CID of a peer')
  return await connectStream(encodeVsockAddress(cid, port), signal)
}

/**
 * Listens on a port under whichever CID this machine has. Only peers of these CIDs reach `accept`; others, and one whose
 * CID cannot be told, are cut. Throws what bind(2) fails with.
 */
export function listenVsock(port: number, peers: readonly number[], accept: (socket: Socket) => void): Server {
  return listenStream(encodeVsockAddress(CID_ANY, port)).on('connection', (socket: Socket) => {
    if (isFrom(peerAddress(socket), peers)) accept(socket)
    else socket.destroy()
  })
}

/** Whether a peer of this address, null when it is not known, is one of these CIDs. */
export function isFrom(address: Uint8Array | null, peers: readonly number[]): boolean {
  const peer = address === null ? null : decodeVsockAddress(address)
  return peer !== null && peers.includes(peer.cid)
}
