import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createOutgoingNoticeMessage, LogLevel } from '@nostr-relay/common'
import { NostrRelay } from '@nostr-relay/core'
import { Validator } from '@nostr-relay/validator'
import { WebSocketServer, type WebSocket } from 'ws'
import { House } from './house.ts'
import { Memory } from './memory.ts'
import { nothingSeen, type Relay, type RelayOptions, type Seen } from './relay.ts'

const host = '127.0.0.1'
/** Bytes of a message: one of NIP-44's long payloads, and room. */
const LARGEST = 8 << 20
const SUBSCRIPTIONS = 1_000

const validator = new Validator({ maxContentLength: LARGEST, maxTagValueLength: 8_192 })

/** Nothing is remembered of an event that came twice: it is delivered twice, as some relays do. */
const openRelay = (auth: boolean): NostrRelay =>
  new NostrRelay(new Memory(), {
    ...(auth ? { hostname: host } : {}),
    logLevel: LogLevel.ERROR,
    maxSubscriptionsPerClient: SUBSCRIPTIONS,
    filterResultCacheTtl: 0,
    eventHandlingResultCacheTtl: 0,
  })

/** One message of a client, read by the package's schema. What does not fit is answered with a NOTICE. */
async function receive(relay: NostrRelay, socket: WebSocket, text: string): Promise<void> {
  try {
    await relay.handleMessage(socket, await validator.validateIncomingMessage(text))
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable'
    socket.send(JSON.stringify(createOutgoingNoticeMessage(`invalid: ${reason}`)))
  }
}

/** A relay in this process, on a port that is free. It keeps what it is given until it is closed. */
export async function startRelay({ auth = false }: RelayOptions = {}): Promise<Relay & Readonly<{ seen: Seen }>> {
  const seen = nothingSeen()
  const house = new House(auth, seen)
  const relay = openRelay(auth).register(house)
  const server = new WebSocketServer({ host, port: 0, maxPayload: LARGEST })
  server.on('connection', (socket) => {
    seen.connections += 1
    seen.open += 1
    relay.handleConnection(socket)
    socket.on('message', (message: Buffer) => void receive(relay, socket, message.toString('utf8')))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      seen.open -= 1
      house.left(socket)
      relay.handleDisconnect(socket)
    })
  })
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of server.clients) socket.terminate()
    await closed
    await relay.destroy()
  }
  return { url: `ws://${host}:${(server.address() as AddressInfo).port}`, seen, close }
}
