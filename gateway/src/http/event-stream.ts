import { isEnd } from '@quorate/shared/wire/status'
import type { Request, Response } from 'express'
import { oncePer } from '../engine/once-per.ts'
import type { Stream } from './followed.ts'

/** Milliseconds between two comments, which keep proxies from closing a quiet stream. */
const HEARTBEAT = 15_000
/** Bytes that may wait for a client that does not read: one status of 100 items and 100 people. Above it the gateway closes the connection. */
const MAX_UNREAD = 2 << 20

/** Milliseconds after which a client that was cut off asks again. */
const RECONNECT = 1_000

type Status = Awaited<ReturnType<Stream['current']>>

/** One event, for all who watch. */
const eventOf = oncePer((status: Status) => `id: ${status.version}\nevent: status\ndata: ${JSON.stringify(status)}\n\n`)

/**
 * Server-sent events (HTML standard §9.2): each status with its version as id, from the one after Last-Event-ID on. The stream
 * ends with the session, when the client leaves, and on `over`; then the client asks again. One that has had the last status is told by 204
 * to ask no more. Rejects with `current`'s refusal before anything is sent.
 */
export async function streamEvents(
  request: Request,
  response: Response,
  stream: Stream,
  over: AbortSignal,
): Promise<void> {
  let sent = lastEventId(request)
  const send = (status: Status) => {
    if (response.headersSent && status.version > sent) {
      sent = status.version
      response.write(eventOf(status))
    }
    if (isEnd(status.state)) response.end()
    else if (response.writableLength > MAX_UNREAD) response.destroy()
  }
  const early: Parameters<typeof send>[0][] = []
  const unwatch = stream.watch((status) => (response.headersSent ? send(status) : void early.push(status)))
  try {
    const current = await stream.current()
    if (isEnd(current.state) && current.version <= sent) {
      response.writeHead(204, { 'cache-control': 'no-store' }).end()
      return
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    response.write(`retry: ${RECONNECT}\n\n`)
    for (const status of [current, ...early]) send(status)
    await ended(response, over)
  } finally {
    unwatch()
  }
}

async function ended(response: Response, over: AbortSignal): Promise<void> {
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT)
  const end = () => void response.end()
  over.addEventListener('abort', end)
  if (over.aborted) end()
  if (!response.closed) await new Promise((resolve) => response.once('close', resolve))
  over.removeEventListener('abort', end)
  clearInterval(heartbeat)
}

function lastEventId(request: Request): number {
  const id = request.get('last-event-id') ?? ''
  return /^\d{1,9}$/.test(id) ? Number(id) : -1
}
