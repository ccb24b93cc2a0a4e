import type { Socket } from 'node:net'
import { Refusal } from '@quorate/shared/errors'
import type { Address } from '@quorate/shared/wire/address'
import { createFrameReader, encodeFrame, type Frame } from '@quorate/shared/wire/frame'
import { dial } from './transport.ts'

/** One stream to an enclave with many requests in flight on it. */
export type Connection = {
  /** Answers with the body of the reply. Throws `enclave.timeout`, or `enclave.unreachable` when the stream breaks. */
  call(body: Uint8Array, deadlineMs: number): Promise<Uint8Array>
  inFlight(): number
  /** Until when a call that is in flight now may take, as `performance.now()` says it; 0 when there is none. */
  busyUntil(): number
  isOpen(): boolean
  /** Resolves when the stream is gone, for whatever reason. */
  readonly closed: Promise<void>
  close(): void
}

type Pending = Readonly<{
  resolve: (body: Uint8Array) => void
  reject: (reason: Refusal) => void
  timer: NodeJS.Timeout
  /** As `performance.now()` says it. */
  until: number
}>

/** Bytes that may wait for a peer that does not read. Above it the peer counts as busy. */
const MAX_UNSENT = 16 << 20

/** Throws `enclave.unreachable` when nobody accepts within `timeoutMs`, or before `stop`. */
export async function openConnection(address: Address, timeoutMs: number, stop: AbortSignal): Promise<Connection> {
  const patience = AbortSignal.timeout(timeoutMs)
  try {
    return multiplex(await dial(address, AbortSignal.any([stop, patience])))
  } catch {
    throw new Refusal('enclave.unreachable')
  }
}

/**
 * Speaks frames on an open stream. A reply is matched by its id to a request of this very stream that still waits: an id
 * that is unknown, answered or late changes nothing. A frame that breaks the rules ends the stream.
 */
export function multiplex(socket: Socket): Connection {
  const pending = new Map<number, Pending>()
  const readFrames = createFrameReader()
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      for (const call of pending.values()) settle(call).reject(new Refusal('enclave.unreachable'))
      pending.clear()
      resolve()
    })
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of readFrames(chunk)) answer(pending, frame)
    } catch {
      socket.destroy()
    }
  })
  let lastId = 0
  return {
    closed,
    inFlight: () => pending.size,
    busyUntil: () => Math.max(0, ...[...pending.values()].map(({ until }) => until)),
    isOpen: () => !socket.destroyed,
    close: () => void socket.destroy(),
    call(body, deadlineMs) {
      if (socket.destroyed) return Promise.reject(new Refusal('enclave.unreachable'))
      if (socket.writableLength > MAX_UNSENT) return Promise.reject(new Refusal('enclave.busy'))
      lastId = nextId(lastId, pending)
      return send(socket, pending, { id: lastId, deadline: Math.ceil(deadlineMs), body })
    },
  }
}

function send(socket: Socket, pending: Map<number, Pending>, frame: Frame): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const encoded = encodeFrame(frame)
    const expire = () => {
      if (pending.delete(frame.id)) reject(new Refusal('enclave.timeout'))
    }
    const until = performance.now() + frame.deadline
    // After work of more than the deadline the timer comes first, and answers of long ago are still to be read.
    const timer = setTimeout(() => setImmediate(expire), frame.deadline)
    pending.set(frame.id, { resolve, reject, timer, until })
    writeWithOthers(socket, encoded)
  })
}

/** Frames of one turn of the event loop go out in one system call. */
function writeWithOthers(socket: Socket, frame: Uint8Array): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  socket.write(frame)
}

function answer(pending: Map<number, Pending>, frame: Frame): void {
  const call = pending.get(frame.id)
  if (call === undefined) return
  pending.delete(frame.id)
  settle(call).resolve(frame.body)
}

function settle(call: Pending): Pending {
  clearTimeout(call.timer)
  return call
}

/** Ids are u32 and may wrap. An id whose request still waits is never given out again. */
function nextId(last: number, pending: Map<number, Pending>): number {
  let id = last
  do id = (id + 1) >>> 0
  while (pending.has(id))
  return id
}
