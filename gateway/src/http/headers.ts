import type { RequestHandler, Response } from 'express'
import helmet from 'helmet'
import { allowedOrigin, type AllowedOrigins } from './origins.ts'

/** Whose pages may read answers, and `Strict-Transport-Security`. */
type Headers = Readonly<{ corsOrigin: AllowedOrigins; hsts?: string | null }>

/**
 * Helmet's headers for an API that shows nothing: they never change, so they are asked for once and copied. A request
 * pays for one call that sets them all.
 */
export function securityHeaders({ corsOrigin, hsts = null }: Headers): RequestHandler {
  const headers = new Map<string, string>()
  const recorder = {
    setHeader: (name: string, value: string) => headers.set(name.toLowerCase(), value),
    removeHeader: (name: string) => headers.delete(name.toLowerCase()),
  }
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Of all ports of a host, also those that are not ours: the operator's to say.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: corsOrigin === null ? 'same-origin' : 'cross-origin' },
  })({} as never, recorder as unknown as Response, () => {})
  if (hsts !== null) headers.set('strict-transport-security', hsts)
  if (corsOrigin !== null) {
    // Date tells a page whose clock is wrong.
    headers.set('access-control-expose-headers', 'date, retry-after, x-request-id')
    if (corsOrigin !== '*') headers.set('vary', 'origin')
  }
  return (request, response, next) => {
    response.setHeaders(headers)
    const origin = allowedOrigin(corsOrigin, request.headers.origin)
    if (origin !== null) response.setHeader('access-control-allow-origin', origin)
    next()
  }
}

/** Answers the question that a browser asks before a request from another origin. Tokens are headers, cookies there are none. */
export const preflight: RequestHandler = (request, response, next) => {
  if (request.method !== 'OPTIONS') {
    next()
    return
  }
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, last-event-id, x-request-id',
    'access-control-max-age': '86400',
  })
  response.end()
}
