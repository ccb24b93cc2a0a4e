import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { ServerIdentity } from '../nsm/tls.ts'
import { KmsError } from './kms-error.ts'
import { arnOf, developmentKeyId, openKeyStore } from './key-store.ts'
import { operations, type Desk } from './operations.ts'

/** `port` 0: any that is free. `tls`: whom it is to its clients. `policy`: whom the keys serve. `keyIds`: as KMS has them (UUIDs), one without it. `now` in ms. */
export type KmsOptions = Readonly<{
  port: number
  tls: ServerIdentity
  folder: string
  policy: TrustPolicy
  keyIds?: readonly string[]
  now?: () => number
}>

/** `port` is on the loopback; `url` says it by the name `localhost`. `keyArn` is that of the first key. */
export type RunningKms = Readonly<{ url: string; port: number; keyArn: string; close: () => Promise<void> }>

const largestRequest = 64 * 1024

/**
 * A stand-in for AWS KMS on the loopback: JSON 1.1 over HTTPS, as the AWS SDK speaks it, with the attestation that AWS
 * enforces and no emulator does. It does not check SigV4 signatures: who may call is decided by the document alone.
 */
export async function startKms(options: KmsOptions): Promise<RunningKms> {
  const { folder, keyIds = [developmentKeyId], now = Date.now } = options
  const desk = { keys: await openKeyStore(folder, keyIds), policy: TrustPolicy.parse(options.policy), now }
  const server = createServer(options.tls, (request, response) => void serve(desk, request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, '127.0.0.1', resolve))
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}`, port, keyArn: arnOf(keyIds[0] ?? developmentKeyId), close }
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const [, name = ''] = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? []
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (request.method !== 'POST' || operation === undefined) throw new KmsError('UnknownOperationException')
    reply(response, 200, await operation(desk, await readJson(request)))
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
