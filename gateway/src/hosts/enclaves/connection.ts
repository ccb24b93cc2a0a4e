import type { Socket } from 'node:net'
import { Refusal } from '@quorate/shared/errors'
import type { Address } from '@quorate/shared/wire/address'
import { createFrameReader, encodeFrame, type Frame } from '@quorate/shared/wire/frame'
import { createOutbox, type Write } from './outbox.ts'
import { dial } from './transport.ts'

/** One stream to an enclave with many requests in flight on it. */
export type Connection = {
  /**
   * Answers with the body of the reply. `encode` makes that of the question when there is room for it. Throws `enclave.timeout`, `enclave.unreachable`
   * when the stream breaks, and what `encode` throws.
   */
  call(encode: () => Uint8Array, deadlineMs: number): Promise<Uint8Array>
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
  reject: (reason: unknown) => void
  timer: NodeJS.Timeout
  /** As `performance.now()` says it. */
  until: number
}>

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
  const write = createOutbox(socket)
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
    call(encode, deadlineMs) {
      if (socket.destroyed) return Promise.reject(new Refusal('enclave.unreachable'))
      lastId = nextId(lastId, pending)
      return send(write, pending, { id: lastId, deadlineMs, encode })
    },
  }
}

type Question = Readonly<{ id: number; deadlineMs: number; encode: () => Uint8Array }>

function send(write: Write, pending: Map<number, Pending>, { id, deadlineMs, encode }: Question): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const expire = () => {
      if (pending.delete(id)) reject(new Refusal('enclave.timeout'))
    }
    const until = performance.now() + deadlineMs
    // After work of more than the deadline the timer comes first, and answers of long ago are still to be read.
    const timer = setTimeout(() => setImmediate(expire), deadlineMs)
    pending.set(id, { resolve, reject, timer, until })
    write(() => {
      const call = pending.get(id)
      if (call === undefined) return null
      try {
        return encodeFrame({ id, deadline: Math.max(1, Math.ceil(until - performance.now())), body: encode() })
      } catch (error) {
        pending.delete(id)
        settle(call).reject(error)
        return null
      }
    })
  })
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
