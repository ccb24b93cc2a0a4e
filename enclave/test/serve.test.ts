import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFrameReader, encodeFrame } from '@quorate/shared/wire/frame'
import { afterAll, afterEach, expect, it } from 'vitest'
import type { Dispatch } from '../src/server/dispatch.ts'
import { serve } from '../src/server/serve.ts'
import { noticed, turn, until } from '../../shared/test/noticing.js'

const folder = mkdtempSync(join(tmpdir(), 'quorate-serve-'))
let server: Server | undefined
let servers = 0
afterEach(() => server?.close())
afterAll(() => rmSync(folder, { recursive: true }))

/** An enclave that answers by `dispatch`, a client of it, and the enclave's end of the connection. */
async function connected(dispatch: Dispatch): Promise<{ client: Socket; served: Socket }> {
  const path = join(folder, `${(servers += 1)}.sock`)
  server = await serve({ kind: 'unix', path }, dispatch)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect(path).on('error', () => undefined)
  const [served] = await accepted
  return { client, served }
}

const call = (n: number, deadline = 0) => encodeFrame({ id: n, deadline, body: Uint8Array.of(n) })
const callsUpTo = (n: number) => Buffer.concat(Array.from({ length: n }, (_, at) => call(at)))

it('drops the calls that have not begun when their connection is gone, and ends the one that has', async () => {
  const begun: number[] = []
  let ended = 0
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const { client, served } = await connected(async (body) => {
    begun.push(body[0] ?? -1)
    client.destroy()
    await released
    ended += 1
    noticed()
    return body
  })
  const closed = once(served, 'close')
  client.write(callsUpTo(200))
  await closed
  await turn()
  const atClose = begun.length
  expect(atClose).toBeGreaterThan(0)
  expect(atClose).toBeLessThan(10)
  release()
  await until(() => ended === atClose, 'what had begun to end')
  await turn()
  expect(begun).toHaveLength(atClose)
})

it('does not begin a call whose deadline is over', async () => {
  const begun: number[] = []
  const { client } = await connected((body) => {
    begun.push(body[0] ?? -1)
    // The first holds the only thread for longer than the second has.
    for (const start = performance.now(); begun.length === 1 && performance.now() - start < 5;);
    return Promise.resolve(body)
  })
  const read = createFrameReader()
  const answered: number[] = []
  client.on('data', (chunk) => {
    answered.push(...read(chunk as Buffer).map(({ id }) => id))
    noticed()
  })
  client.write(Buffer.concat([call(1), call(2, 1), call(3)]))
  await until(() => answered.includes(3), 'the third')
  expect(begun).toEqual([1, 3])
  client.destroy()
})

it('answers every call of more than it takes at once', async () => {
  const { client } = await connected((body) => Promise.resolve(body))
  const read = createFrameReader()
  const answered = new Set<number>()
  client.on('data', (chunk) => {
    for (const { id } of read(chunk as Buffer)) answered.add(id)
    noticed()
  })
  const frames = Array.from({ length: 2_000 }, (_, id) => encodeFrame({ id, deadline: 0, body: new Uint8Array(100) }))
  client.write(Buffer.concat(frames))
  await until(() => answered.size === frames.length, 'all answers')
  client.destroy()
})
