import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { noticed, until } from '../../../shared/test/noticing.js'
import { Faults } from '../src/faults/proxy.ts'
import { startRelay } from '../src/relay/embedded.ts'
import type { Relay } from '../src/relay/relay.ts'

type Peer = Readonly<{ socket: WebSocket; heard: string[]; ask: (name: string) => void }>

let relay: Relay
let faults: Faults

beforeEach(async () => {
  relay = await startRelay()
  faults = await Faults.start(relay.url, noticed)
})
afterEach(async () => {
  await faults.close()
  await relay.close()
})

/** A client that asks for nothing, so that each REQ has one EOSE for an answer. */
async function join(): Promise<Peer> {
  const socket = new WebSocket(faults.url)
  const heard: string[] = []
  socket.on('message', (message: Buffer) => {
    heard.push((JSON.parse(message.toString('utf8')) as string[])[1]!)
    noticed()
  })
  socket.on('error', () => undefined)
  await once(socket, 'open')
  return { socket, heard, ask: (name) => socket.send(JSON.stringify(['REQ', name, { kinds: [1], limit: 0 }])) }
}

const fromRelay =
  (fate: 'twice' | 'hold' | 'swallow') =>
  ({ from }: { from: string }) =>
    from === 'relay' ? fate : 'pass'

describe('a relay behind faults', () => {
  it('is as it was while nothing is ordered', async () => {
    const { ask, heard } = await join()
    ask('one')
    await until(() => heard.length === 1, 'one answer')
    expect(heard).toEqual(['one'])
  })

  it('says everything twice', async () => {
    faults.order(fromRelay('twice'))
    const { ask, heard } = await join()
    ask('one')
    await until(() => heard.length === 2, 'two answers')
    expect(heard).toEqual(['one', 'one'])
  })

  it.each([
    { first: 'oldest' as const, then: ['one', 'two', 'three'] },
    { first: 'newest' as const, then: ['three', 'two', 'one'] },
  ])('holds answers back, and brings the $first first', async ({ first, then }) => {
    faults.order(fromRelay('hold'))
    const { ask, heard } = await join()
    for (const [n, name] of ['one', 'two', 'three'].entries()) {
      ask(name)
      await until(() => faults.held === n + 1, name)
    }
    expect(heard).toEqual([])
    expect(faults.release(first)).toBe(3)
    await until(() => heard.length === 3, 'three answers')
    expect(heard).toEqual(then)
    expect(faults.held).toBe(0)
  })

  it('swallows what it is told to, and no more', async () => {
    faults.order(({ from, text }) => (from === 'client' && text.includes('lost') ? 'swallow' : 'pass'))
    const { ask, heard } = await join()
    ask('lost')
    ask('found')
    await until(() => heard.length === 1, 'one answer')
    expect(heard).toEqual(['found'])
  })

  it('falls silent without a goodbye, pings included', async () => {
    const { socket, ask, heard } = await join()
    const pongs: string[] = []
    socket.on('pong', (content: Buffer) => {
      pongs.push(content.toString('utf8'))
      noticed()
    })
    faults.silence()
    socket.ping('lost')
    ask('lost')
    await until(() => faults.swallowed === 2, 'a ping and a message to be swallowed')
    expect(socket.readyState).toBe(WebSocket.OPEN)
    faults.speak()
    socket.ping('found')
    ask('found')
    await until(() => heard.length === 1 && pongs.length === 1, 'an answer and a pong')
    expect([heard, pongs]).toEqual([['found'], ['found']])
  })

  it('drops every connection, and lets in who comes back', async () => {
    const peers = [await join(), await join()]
    const closed = Promise.all(peers.map(({ socket }) => once(socket, 'close') as Promise<[number]>))
    expect(faults.drop()).toBe(2)
    expect((await closed).map(([code]) => code)).toEqual([1006, 1006])
    const { ask, heard } = await join()
    ask('back')
    await until(() => heard.length === 1, 'one answer')
  })

  it('drops every connection each so many seconds until it is told to stop', async () => {
    const { socket } = await join()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const stop = faults.dropEach(5)
      vi.advanceTimersByTime(4_999)
      expect(socket.readyState).toBe(WebSocket.OPEN)
      const closed = once(socket, 'close')
      vi.advanceTimersByTime(1)
      await closed
      stop()
      const next = await join()
      vi.advanceTimersByTime(60_000)
      next.ask('still here')
      await until(() => next.heard.length === 1, 'one answer')
    } finally {
      vi.useRealTimers()
    }
  })

  it('takes the relay end of a connection with it', async () => {
    const { socket } = await join()
    const closed = once(socket, 'close')
    await relay.close()
    await closed
    relay = await startRelay()
  })
})
