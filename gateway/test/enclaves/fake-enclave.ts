import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import type { Address } from '@quorate/shared/wire/address'
import { createFrameReader, encodeFrame } from '@quorate/shared/wire/frame'
import { Refusal } from '@quorate/shared/errors'
import { loadMpc } from '@quorate/shared/mpc'
import { EnclaveId, SealKey, SignKey } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity, Presence } from '@quorate/shared/wire/identity'
import { foundDevelopment } from '../../../shared/party/test/development.js'
import { presentTime, sealing, startHost, type Host } from '../../../shared/party/test/host.js'
import { noticed } from '../../../shared/test/noticing.js'

type Call = { id: number; deadline: number; method: string; params: Record<string, unknown>; socket: Socket }
type Answer = { result: unknown } | { refusal: { code: string; culprits: number[] } } | null
export type FakeEnclave = {
  id: EnclaveId
  address: Address
  identity: EnclaveIdentity
  readonly presence: Presence
  calls: Call[]
  /** What to answer per method; null for no answer at all. */
  on: Record<string, (call: Call) => Answer | Promise<Answer>>
  sockets: Set<Socket>
  /** What its next hello says, once it is open. */
  retired: boolean
  /** The next process at the same address: another bootId, locked again. */
  restart(): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
}

export const identityOf = (id: string, key = '1'): EnclaveIdentity => ({
  version: 1,
  enclaveId: EnclaveId.parse(id),
  epoch: 1,
  sealKey: SealKey.parse(`02${key.repeat(64)}`),
  signKey: SignKey.parse(key.repeat(64)),
})

const ground = { mpc: await loadMpc(), development: await foundDevelopment(), clock: presentTime }

/** What the party behind the port says. */
const saidBy =
  (host: Host, method: 'challenge' | 'attest' | 'introduce') =>
  async ({ params }: Call): Promise<Answer> => {
    try {
      return { result: await host.call(method, params as never) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { refusal: { code: error.code, culprits: [...error.culprits] } }
    }
  }

/**
 * A platform made of one TCP port: it speaks the frames of an enclave and does as it is told. Untold, its party answers whom it
 * knows and who it is; root and lock are no part of a party, and are played.
 */
export async function startFakeEnclave(name: string): Promise<FakeEnclave> {
  let server: Server
  let locked = true
  let port = 0
  const host = await startHost(ground, name)
  const enclave: FakeEnclave = {
    id: EnclaveId.parse(name),
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    identity: host.identity,
    get presence() {
      return host.presence()
    },
    retired: false,
    calls: [],
    sockets: new Set(),
    on: {
      hello: () => ({
        result: {
          ...{ bootId: host.bootId(), locked, retired: enclave.retired && !locked, sealing },
          identity: locked ? null : enclave.identity,
        },
      }),
      boot: ({ params }) => {
        locked = false
        return { result: { identity: enclave.identity, sealedRoot: params['sealedRoot'] === null ? 'c2VhbGVk' : null } }
      },
      challenge: saidBy(host, 'challenge'),
      attest: saidBy(host, 'attest'),
      introduce: saidBy(host, 'introduce'),
    },
    async start() {
      host.restart()
      locked = true
      server = createServer((socket) => serve(enclave, socket))
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      port = (server.address() as AddressInfo).port
      enclave.address = { kind: 'tcp', host: '127.0.0.1', port }
    },
    async stop() {
      for (const socket of enclave.sockets) socket.resetAndDestroy()
      // One that its peer has ended already cannot be reset, and Node tells of its end no more.
      enclave.sockets.clear()
      await new Promise((resolve) => server.close(resolve))
    },
    async restart() {
      await enclave.stop()
      await enclave.start()
    },
  }
  await enclave.start()
  return enclave
}

function serve(enclave: FakeEnclave, socket: Socket): void {
  enclave.sockets.add(socket)
  noticed()
  socket.on('close', () => {
    enclave.sockets.delete(socket)
    noticed()
  })
  socket.on('error', () => socket.destroy())
  const readFrames = createFrameReader()
  socket.on('data', (chunk: Buffer) => {
    for (const { id, deadline, body } of readFrames(chunk)) {
      const [method, params] = decode(body) as [string, Record<string, unknown>]
      const call = { id, deadline, method, params, socket }
      enclave.calls.push(call)
      noticed()
      void Promise.resolve(enclave.on[method]?.(call) ?? null).then((answer) => {
        if (answer !== null && !socket.destroyed) socket.write(replyFrame(id, answer))
      })
    }
  })
}

export const replyFrame = (id: number, answer: Answer): Uint8Array =>
  encodeFrame({ id, deadline: 0, body: encode(answer) })
