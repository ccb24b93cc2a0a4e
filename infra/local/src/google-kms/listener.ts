import type { IncomingMessage, RequestListener } from 'node:http'
import { json } from 'node:stream/consumers'
import { GoogleError } from './google-error.ts'
import type { KeyRing } from './key-ring.ts'
import { describeVersion, operations } from './operations.ts'

/** `tokens`: what each access token that the stub knows may do. */
export type GoogleKmsOptions = Readonly<{ ring: KeyRing; tokens: ReadonlyMap<string, 'use' | 'nothing'> }>

/**
 * A stub of the REST wire of Google Cloud KMS, written after its reference: so much of v1 as sealing takes, with Google's error
 * bodies. It is no emulator. What it has in common with the service is what the reference says, and it has never been held
 * against the service. For an HTTPS server.
 */
export const createGoogleKms =
  ({ ring, tokens }: GoogleKmsOptions): RequestListener =>
  (request, response) => {
    const reply = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body))
    answer(ring, tokens, request).then(
      (body) => reply(200, body),
      (error: unknown) => {
        const known = error instanceof GoogleError ? error : new GoogleError('INTERNAL', 'Internal error encountered.')
        reply(known.code, known.body())
      },
    )
  }

async function answer(ring: KeyRing, tokens: GoogleKmsOptions['tokens'], request: IncomingMessage): Promise<object> {
  const { method, url = '', headers } = request
  const rights = tokens.get(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '')
  if (rights === undefined) throw new GoogleError('UNAUTHENTICATED', 'Request had invalid authentication credentials.')
  const [, name = '', verb] = /^\/v1\/(projects\/[^:?]+)(?::(\w+))?(?:\?|$)/.exec(url) ?? []
  if (rights === 'nothing') throw new GoogleError('PERMISSION_DENIED', `Permission denied on resource '${name}'.`)
  if (method === 'GET' && verb === undefined) return describeVersion(ring, name)
  const operation = verb !== undefined && Object.hasOwn(operations, verb) ? operations[verb] : undefined
  if (method !== 'POST' || operation === undefined) throw new GoogleError('NOT_FOUND', 'Method not found.')
  return operation(ring, name, await readJson(request))
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  try {
    return await json(request)
  } catch {
    throw new GoogleError('INVALID_ARGUMENT', 'Invalid JSON payload received.')
  }
}
