import { once } from 'node:events'
import { existsSync, read, readdirSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { adoptListener, adoptStream, openSocket, ownAddress } from '../src/linux/descriptors.ts'
import { checked, libc } from '../src/linux/libc.ts'
import { testStreams } from '../src/linux/self-test.ts'
import { connectStream, listenStream } from '../src/linux/streams.ts'
import { connectVsock, decodeVsockAddress, encodeVsockAddress, isFrom, listenVsock } from '../src/linux/vsock.ts'
import { turn } from './noticing.ts'

const AF_INET = 2
const AF_VSOCK = 40
const patience = () => AbortSignal.timeout(60_000)

/** Why streams by descriptor cannot be tried here, for the name of what is skipped; null where they can. */
const missing = (() => {
  try {
    libc()
    return null
  } catch (error) {
    return (error as Error).message
  }
})()

/** Loopback of vsock (the kernel's module vsock_loopback): whether a socket can have CID 1. Nothing is connected. */
const vsockLoopback = (() => {
  if (missing !== null || !existsSync('/dev/vsock')) return false
  const fd = openSocket(AF_VSOCK)
  const bound = libc().bind(fd, encodeVsockAddress(1, 0xffff_ffff), 16)
  libc().close(fd)
  return bound === 0
})()

/** struct sockaddr_in of 127.0.0.1. Node knows this family; it comes in by descriptor here, like one that Node does not. */
const loopback = (port: number) =>
  Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
const descriptors = () => readdirSync('/proc/self/fd').length

const open: { destroy?: () => unknown; close?: () => unknown }[] = []
afterEach(() => {
  for (const it of open.splice(0)) {
    it.destroy?.()
    it.close?.()
  }
})

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server by descriptor, and how to connect to it by descriptor. */
async function serving(accept: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const port = await freePort()
  const server = listenStream(loopback(port)).on('connection', accept)
  open.push(server)
  return { port, server }
}

async function connected(port: number): Promise<Socket> {
  const socket = await connectStream(loopback(port), patience())
  open.push(socket)
  return socket
}

describe.skipIf(missing !== null)(`a stream by descriptor${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  it('passes the self-test', async () => {
    await expect(testStreams()).resolves.toBeUndefined()
  })

  it('carries bytes both ways, unchanged, and ends when both have ended', async () => {
    const { port } = await serving((socket) => socket.pipe(socket))
    const sent = Buffer.from(Uint8Array.from({ length: 3 << 20 }, (_, at) => (at * 7) % 253))
    const socket = await connected(port)
    socket.end(sent)
    const back = await buffer(socket)
    expect(back.equals(sent)).toBe(true)
  })

  it('is closed one way at a time', async () => {
    const heard: string[] = []
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
      socket.on('end', () => void turn().then(() => socket.end('and this is what I say after it')))
    }).listen(0, '127.0.0.1')
    open.push(server)
    await once(server, 'listening')
    const socket = await connected((server.address() as AddressInfo).port)
    socket.end('all that I say')
    expect((await buffer(socket)).toString()).toBe('and this is what I say after it')
    expect(heard.join('')).toBe('all that I say')
  })

  it('holds its writer back while its reader does not read', async () => {
    let reader: Socket | undefined
    const { port } = await serving((socket) => (reader = socket.pause()))
    const writer = await connected(port)
    let taken = 0
    const chunk = Buffer.alloc(1 << 16)
    while (taken < 64 << 20 && writer.write(chunk)) {
      taken += chunk.length
      await turn()
    }
    expect(taken).toBeLessThan(64 << 20)
    for (let n = 0; n < 20; n += 1) await turn()
    expect(writer.writableNeedDrain).toBe(true)
    reader?.resume()
    await once(writer, 'drain')
    expect(writer.writableLength).toBe(0)
  })

  it('tells that its peer broke off', async () => {
    const server = createServer((socket) => void client.then(() => socket.resetAndDestroy())).listen(0, '127.0.0.1')
    open.push(server)
    await once(server, 'listening')
    const client = connected((server.address() as AddressInfo).port)
    const socket = await client
    const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    if (!socket.closed) await once(socket, 'close')
  })

  it('tells its peer that it was destroyed', async () => {
    const { port } = await serving((socket) => void turn().then(() => socket.destroy()))
    const peer = connect(port, '127.0.0.1')
    open.push(peer)
    await once(peer.resume(), 'end')
  })

  it('leaves no descriptor behind, of two hundred at once', async () => {
    const ends: Promise<unknown>[] = []
    const { port, server } = await serving((socket) => {
      ends.push(once(socket, 'close'))
      socket.pipe(socket)
    })
    const before = descriptors()
    const echo = async (n: number) => {
      const socket = await connected(port)
      socket.end(`I am ${n}`)
      expect((await buffer(socket)).toString()).toBe(`I am ${n}`)
      if (!socket.closed) await once(socket, 'close')
    }
    await Promise.all(Array.from({ length: 200 }, (_, n) => echo(n)))
    await Promise.all(ends)
    expect(descriptors()).toBe(before)
    await new Promise((resolve) => server.close(resolve))
    expect(descriptors()).toBe(before - 1)
  })
})

const SOCK_SEQPACKET = 5
const SOCK_NONBLOCK = 0o4000
const FIONBIO = 0x5421

/** Sizes of the writes that come out of `fd`, a socket of AF_UNIX that keeps writes apart, until they are so many bytes. */
async function writesFrom(fd: number, bytes: number): Promise<{ sizes: number[]; got: Buffer }> {
  const sizes: number[] = []
  const parts: Buffer[] = []
  for (let left = bytes; left > 0; left -= sizes.at(-1) ?? 0) {
    const { bytesRead, buffer } = await promisify(read)(fd, Buffer.alloc(1 << 18), 0, 1 << 18, null)
    if (bytesRead === 0) throw new Error('the stream ended')
    sizes.push(bytesRead)
    parts.push(buffer.subarray(0, bytesRead))
  }
  return { sizes, got: Buffer.concat(parts) }
}

// As reported in base/base#1444 and libkrun/libkrun#535.
describe.skipIf(missing !== null)('writes by descriptor', () => {
  // Whatever a stream is given: one buffer, many at once, text.
  const large = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, at) => (at * 7) % 251))
  const small = Array.from({ length: 300 }, (_, n) => Buffer.alloc(500, n))
  const text = 'é'.repeat(40_000)
  const all = Buffer.concat([large, ...small, Buffer.from(text)])
  function writeAll(socket: Socket) {
    open.push(socket)
    socket.write(large)
    socket.cork()
    for (const part of small) socket.write(part)
    socket.write(text)
    socket.uncork()
  }

  it('are of 32 KiB at most from who connects, since Linux sends larger ones to vsock in parts', async () => {
    const pair = new Int32Array(2)
    checked('socketpair', libc().socketpair(1, SOCK_SEQPACKET, 0, pair))
    const [ours = -1, theirs = -1] = pair
    checked('ioctl', libc().ioctl(ours, BigInt(FIONBIO), Int32Array.of(1)))
    writeAll(adoptStream(ours))
    const { sizes, got } = await writesFrom(theirs, all.length)
    libc().close(theirs)
    expect(got.equals(all)).toBe(true)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 << 10)
    // Small ones still go out together.
    expect(sizes.length).toBeLessThan(20)
  })

  it('are so from who accepts', async () => {
    const { socket, bind, listen, connect, close } = libc()
    const listener = checked('socket', socket(1, SOCK_SEQPACKET | SOCK_NONBLOCK, 0))
    checked('bind', bind(listener, Uint8Array.of(1, 0), 2))
    checked('listen', listen(listener, 1))
    const address = ownAddress(listener) ?? new Uint8Array()
    open.push(adoptListener(listener).on('connection', writeAll))
    const client = checked('socket', socket(1, SOCK_SEQPACKET, 0))
    checked('connect', connect(client, address, address.length))
    const { sizes, got } = await writesFrom(client, all.length)
    close(client)
    expect(got.equals(all)).toBe(true)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 << 10)
  })
})

describe.skipIf(missing !== null)('connecting by descriptor', () => {
  it('says why it was refused, and leaves no descriptor behind', async () => {
    const port = await freePort()
    const before = descriptors()
    for (let n = 0; n < 20; n += 1)
      await expect(connectStream(loopback(port), patience())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(descriptors()).toBe(before)
  })

  it('ends with the reason of its signal when nobody answers, and leaves no descriptor behind', async () => {
    const listener = openSocket(AF_INET)
    const { bind, listen, close } = libc()
    checked('bind', bind(listener, loopback(0), 16))
    checked('listen', listen(listener, 0))
    const [, , high = 0, low = 0] = ownAddress(listener) ?? []
    const address = loopback(high * 256 + low)
    // A queue of none takes one; whoever comes then is not answered.
    open.push(await connectStream(address, patience()))
    const before = descriptors()
    const over = new AbortController()
    const refused = expect(connectStream(address, over.signal)).rejects.toMatchObject({ name: 'TimeoutError' })
    await turn()
    over.abort(new DOMException('nobody has answered', 'TimeoutError'))
    await refused
    expect(descriptors()).toBe(before)
    close(listener)
  })

  it('does not begin when its signal has fired', async () => {
    const before = descriptors()
    await expect(connectStream(loopback(1), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
    expect(descriptors()).toBe(before)
  })

  it('says why it cannot listen', async () => {
    const { port } = await serving((socket) => socket.destroy())
    const before = descriptors()
    expect(() => listenStream(loopback(port))).toThrow('bind EADDRINUSE')
    expect(descriptors()).toBe(before)
  })
})

describe('a vsock address', () => {
  it('is laid out as in linux/vm_sockets.h', () => {
    expect(Buffer.from(encodeVsockAddress(0x01020304, 5000)).toString('hex')).toBe('28000000881300000403020100000000')
    expect(decodeVsockAddress(encodeVsockAddress(16, 0xffff_fffe))).toEqual({ cid: 16, port: 0xffff_fffe })
    expect(decodeVsockAddress(loopback(5000))).toBeNull()
    expect(decodeVsockAddress(Uint8Array.of(AF_VSOCK, 0))).toBeNull()
  })

  it.skipIf(missing !== null || !existsSync('/dev/vsock'))('is read as this kernel writes it', () => {
    const fd = openSocket(AF_VSOCK)
    const address = ownAddress(fd)
    libc().close(fd)
    expect(address && decodeVsockAddress(address)).toEqual({ cid: 0xffff_ffff, port: 0xffff_ffff })
  })

  it.each([0, 1, 2, 0xffff_ffff, -1])('is not connected to under CID %i', async (cid) => {
    await expect(connectVsock(cid, 5000, patience())).rejects.toThrow(RangeError)
  })

  it('is a peer only under a CID that is expected, and when it can be told', () => {
    expect(isFrom(encodeVsockAddress(3, 1024), [3])).toBe(true)
    expect(isFrom(encodeVsockAddress(2, 1024), [3])).toBe(false)
    expect(isFrom(encodeVsockAddress(16, 1024), [3])).toBe(false)
    expect(isFrom(loopback(1024), [3])).toBe(false)
    expect(isFrom(null, [3])).toBe(false)
  })
})

describe.skipIf(!vsockLoopback)(
  `vsock itself${vsockLoopback ? '' : ' (skipped: no vsock_loopback in this kernel)'}`,
  () => {
    it('carries bytes both ways and tells its peers', async () => {
      open.push(listenVsock(45_231, [1], (socket) => socket.pipe(socket)))
      const socket = await connectStream(encodeVsockAddress(1, 45_231), patience())
      socket.end(Buffer.alloc(1 << 20, 7))
      expect((await buffer(socket)).equals(Buffer.alloc(1 << 20, 7))).toBe(true)
    })

    it('cuts peers of other CIDs', async () => {
      open.push(listenVsock(45_232, [3], (socket) => socket.end('welcome')))
      const socket = await connectStream(encodeVsockAddress(1, 45_232), patience())
      open.push(socket)
      expect((await buffer(socket).catch(() => Buffer.alloc(0))).length).toBe(0)
    })
  },
)
