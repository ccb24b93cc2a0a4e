import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerIdentity } from '../nsm/tls.ts'
import { principalOf, type Principals } from './access.ts'
import type { Fault } from './faults.ts'
import { KmsError } from './kms-error.ts'
import { arnOf, openKeyStore, type KeyOptions, type KeyStore } from './key-store.ts'
import { operations, type Desk } from './operations.ts'

/**
 * `port` 0: any that is free. `tls`: who it is to its clients. `roots`: certificates (PEM) under which documents must be. `principals`:
 * who may call, by access key id. `now` in ms.
 */
export type KmsOptions = Readonly<{
  port: number
  tls: ServerIdentity
  folder: string
  roots: readonly string[]
  keys: readonly [KeyOptions, ...KeyOptions[]]
  principals: Principals
  now?: () => number
}>

/** `port` is on the loopback; `url` says it by the name `localhost`. `keyArn` is that of the first key. */
export type RunningKms = Readonly<{
  url: string
  port: number
  keyArn: string
  /** Their policies and states can be changed while it runs. */
  keys: Omit<KeyStore, 'key' | 'ofCiphertext'>
  /** From now on, for so many requests (without end when nothing is said), it does this instead. null: it is well again. */
  suffer: (fault: Fault | null, times?: number) => void
  /** How many operations it was asked for. */
  asked: () => number
  close: () => Promise<void>
}>

type Service = Desk & Readonly<{ principals: Principals; nextFault: () => Fault | null }>

const largestRequest = 64 * 1024

/**
 * A stand-in for AWS KMS on the loopback: JSON 1.1 over HTTPS, as the AWS SDK speaks it, with key policies and the attestation
 * that AWS enforces and no emulator does. It believes the access key id of a request and does not check its signature (SigV4).
 */
export async function startKms(options: KmsOptions): Promise<RunningKms> {
  const { folder, roots, principals, now = Date.now } = options
  const keys = await openKeyStore(folder, options.keys)
  const health = watchHealth()
  const service: Service = { keys, roots, principals, now, nextFault: health.next }
  const server = createServer(options.tls, (request, response) => void serve(service, request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, '127.0.0.1', resolve))
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const { port } = server.address() as AddressInfo
  const keyArn = arnOf(options.keys[0].keyId)
  return { url: `https://localhost:${port}`, port, keyArn, keys, suffer: health.suffer, asked: health.asked, close }
}

/** One fault at a time, with the number of requests that it has left. */
function watchHealth() {
  let [fault, left, asked]: [Fault | null, number, number] = [null, 0, 0]
  return {
    suffer: (next: Fault | null, times = Infinity) => void ([fault, left] = [next, times]),
    asked: () => asked,
    /** What befalls the next request. */
    next: (): Fault | null => {
      asked += 1
      if (left === 0) return null
      left -= 1
      return fault
    },
  }
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const [, name = ''] = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? []
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (request.method !== 'POST' || operation === undefined) throw new KmsError('UnknownOperationException')
    const principal = principalOf(request.headers.authorization, service.principals)
    const body = await readJson(request)
    const fault = service.nextFault()
    if (fault?.name === 'hanging') return
    if (fault?.name === 'stalling') return void response.writeHead(200).write('{')
    if (fault?.name === 'refusing') throw new KmsError(fault.error)
    const answer = await operation(service, principal, body)
    reply(response, 200, fault === null ? answer : fault.lie(answer, body))
  } catch (error) {
    const { type, status } = error instanceof KmsError ? error : new KmsError('KMSInternalException')
    reply(response, status, { __type: type, message: type })
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > largestRequest) throw new KmsError('ValidationException')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new KmsError('ValidationException')
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
}
