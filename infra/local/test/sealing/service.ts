import { once } from 'node:events'
import { createServer as createPlainServer, type RequestListener, type Server as PlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Tunnel } from '@quorate/enclave/platform/tunnel'
import type { Authority } from '../../src/nsm/certificate.ts'
import { pemOf } from '../../src/nsm/pem.ts'
import { issueServerIdentity, makeTlsAuthority } from '../../src/nsm/tls.ts'
import { dialLoopback } from '../../src/enclave/dial-loopback.ts'

export const authority: Authority = makeTlsAuthority()
export const authorityPem = pemOf(authority.certificate)

/** In place of the parent's vsock proxies: a port of the loopback. */
export const tunnelTo =
  (port: number): Tunnel =>
  (signal) =>
    dialLoopback(port, signal)

export type Service = Readonly<{
  port: number
  /** How many requests came. */
  asked: () => number
  /** What is answered in place of the service, request by request, until there is none left. */
  faults: RequestListener[]
  close: () => Promise<void>
}>

const open = async (server: Server | PlainServer, count: () => number, faults: RequestListener[]): Promise<Service> => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    const closed = once(server.close(), 'close')
    server.closeAllConnections()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, asked: count, faults, close }
}

/** An HTTPS server under the authority above, for this name. */
export function startService(name: string, listener: RequestListener, issuer = authority): Promise<Service> {
  const faults: RequestListener[] = []
  let asked = 0
  const server = createServer(issueServerIdentity(issuer, [name]), (request, response) => {
    asked += 1
    const serve = faults.shift() ?? listener
    serve(request, response)
  })
  return open(server, () => asked, faults)
}

/** What the parent instance offers by plain HTTP: these answers by their paths. */
export function startParent(answers: ReadonlyMap<string, string>): Promise<Service> {
  let asked = 0
  const server = createPlainServer((request, response) => {
    asked += 1
    const text = answers.get(request.url ?? '')
    response.writeHead(text === undefined ? 404 : 200).end(text)
  })
  return open(server, () => asked, [])
}

/** A listener that answers so, once. */
export const answering =
  (status: number, body: string | object, headers: Record<string, string> = {}): RequestListener =>
  (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }
