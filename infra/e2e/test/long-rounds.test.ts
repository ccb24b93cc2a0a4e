import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEnclave } from '@quorate/enclave/enclave'
import { createDispatch } from '@quorate/enclave/server/dispatch'
import { serve } from '@quorate/enclave/server/serve'
import { openConnection, type Connection } from '@quorate/gateway/hosts/enclaves/connection'
import { callOver } from '@quorate/gateway/hosts/enclaves/rpc'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { enrol, makeKey, sign } from '../../../shared/party/test/ceremony.js'
import { shareAt } from '../../../shared/party/test/epoch-change.js'
import { approve, ask, bytesItem, draw } from '../../../shared/party/test/people.js'
import { createCluster, type Member } from './support/cluster.ts'

/*
 * An enclave behind its server, as a gateway reaches it: what it answers while it makes shares of a large key. The order of answers is
 * looked at, and no clock.
 */
const folder = mkdtempSync(join(tmpdir(), 'quorate-long-'))
const cluster = await createCluster({ size: 1 })
const patience = 600_000
const never = new AbortController().signal
let server: Server
const connections: Connection[] = []

async function connect(): Promise<Connection> {
  const connection = await openConnection({ kind: 'unix', path: join(folder, 'enclave.sock') }, patience, never)
  connections.push(connection)
  return connection
}

/** The enclave, as asked over this connection. */
async function overSocket(connection: Connection): Promise<Pick<Member, 'identity' | 'call' | 'restart'>> {
  const call: Member['call'] = (method, params) => callOver(connection, method, params, patience)
  const { identity } = await call('boot', { sealedRoot: null })
  return { identity, call, restart: () => Promise.reject(new Error('not here')) }
}

beforeAll(async () => {
  const platform = cluster.platformOf('enclave-9')
  const dispatch = createDispatch(createEnclave(platform), platform.log)
  server = await serve({ kind: 'unix', path: join(folder, 'enclave.sock') }, dispatch)
})

afterAll(async () => {
  for (const connection of connections) connection.close()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

/** Asks every seat at once, as a gateway does, and says after each answer whose it was. */
const ofAll = <T>(indices: readonly number[], ask: (index: number) => Promise<T>, answered?: (index: number) => void) =>
  Promise.all(
    indices.map(async (index) => {
      const answer = await ask(index)
      answered?.(index)
      return answer
    }),
  )

it('answers hello while the shares of a large key are loaded', async () => {
  const connection = await overSocket(await connect())
  const users = Array.from({ length: 16 }, (_, at) => `person-${at}`)
  const key = await makeKey({ members: [connection], clock: cluster.clock }, { users })
  const order: string[] = []
  const between: Promise<unknown>[] = []
  await ofAll(
    [...key.plan.hosts.keys()],
    (index) => connection.call('key.load', shareAt(key, index)),
    () => {
      order.push('share')
      if (between.length === 0) between.push(connection.call('hello', {}).then(() => order.push('hello')))
    },
  )
  await Promise.all(between)
  expect(order.indexOf('hello')).toBeLessThan(order.lastIndexOf('share'))
})

it('answers hello and signs with another key while the seats of a large one are in work', async () => {
  const [small, large] = [await overSocket(await connect()), await overSocket(await connect())]
  const key = await makeKey({ members: [small], clock: cluster.clock })
  const soon = cluster.clock.now + 60_000
  const asked = await ask(key.plan, key, 1, [bytesItem('meanwhile')], soon)
  const approvals = [await approve(key.plan, 2, asked.requestDigest, soon)]
  const order: string[] = []
  const goBetween = async () => {
    await small.call('hello', {})
    order.push('hello')
    await sign(key, asked, approvals, [1, 2])
    order.push('signed')
  }

  const users = Array.from({ length: 16 }, (_, at) => `person-${at}`)
  const plan = await draw({ members: [large], clock: cluster.clock }, { users, threshold: 9 })
  const roster = await enrol(plan)
  const indices = [...plan.hosts.keys()]
  const seat = (index: number) => ({ keyId: plan.skeleton.keyId, index, attempt: 1 })
  const one = await ofAll(indices, (index) => large.call('keygen.round1', { ...seat(index), roster }))
  const messages = one.map(({ message }) => message)
  const two = await ofAll(indices, (index) => large.call('keygen.round2', { ...seat(index), messages }))
  const packages = two.flatMap((said) => said.packages)
  const packagesOf = (index: number) => packages.filter(({ body }) => body.to === index)
  const between: Promise<void>[] = []
  await ofAll(
    indices,
    (index) => large.call('keygen.round3', { ...seat(index), packages: packagesOf(index) }),
    () => {
      order.push('seat')
      if (between.length === 0) between.push(goBetween())
    },
  )
  await Promise.all(between)
  expect(order.filter((what) => what === 'seat')).toHaveLength(users.length)
  expect(order.lastIndexOf('seat')).toBeGreaterThan(order.indexOf('signed'))
  expect(order.indexOf('signed')).toBeGreaterThan(order.indexOf('hello'))
})
