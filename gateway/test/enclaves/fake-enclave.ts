import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import type { Address } from '@quorate/shared/wire/address'
import { createFrameReader, encodeFrame } from '@quorate/shared/wire/frame'
import { EnclaveId, SealKey, SignKey } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { noticed } from '../../../shared/test/noticing.js'

type Call = { id: number; deadline: number; method: string; params: Record<string, unknown>; socket: Socket }
type Answer = { result: unknown } | { refusal: { code: string; culprits: number[] } } | null
export type FakeEnclave = {
  id: EnclaveId
  address: Address
  identity: EnclaveIdentity
  calls: Call[]
  /** What to answer per method; null for no answer at all. */
  on: Record<string, (call: Call) => Answer | Promise<Answer>>
  sockets: Set<Socket>
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

const hex32 = (n: number) => n.toString(16).padStart(64, '0')
let boots = 0
export const sealing: SealingClaims = {
  provider: 'simulator',
  releasesTo: 'measured-image',
  keyAttestation: 'none',
}

/** A platform made of one TCP port: it speaks the frames of an enclave and does as it is told. */
export async function startFakeEnclave(name: string): Promise<FakeEnclave> {
  let server: Server
  let bootId = ''
  let locked = true
  let port = 0
  const enclave: FakeEnclave = {
    id: EnclaveId.parse(name),
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    identity: identityOf(name),
    calls: [],
    sockets: new Set(),
    on: {
      hello: () => ({ result: { bootId, locked, identity: locked ? null : enclave.identity, sealing } }),
      boot: ({ params }) => {
        locked = false
        return { result: { identity: enclave.identity, sealedRoot: params['sealedRoot'] === null ? 'c2VhbGVk' : null } }
      },
      challenge: () => ({ result: { nonce: hex32(7) } }),
      attest: () => ({ result: { identity: enclave.identity, document: 'ZG9j' } }),
      introduce: () => ({ result: {} }),
    },
    async start() {
      bootId = hex32((boots += 1))
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
