import { Refusal } from '@quorate/shared/errors'
import type { RequestHandler } from 'express'
import { sendProblem } from './mount.ts'

/** Refuses a request with two `Host` lines (RFC 9112 §3.2): a proxy and the gateway could each go by another. */
export const oneHost: RequestHandler = (request, response, next) => {
  const names = request.rawHeaders.filter((_, at) => at % 2 === 0)
  if (names.filter((name) => name.toLowerCase() === 'host').length <= 1) next()
  else sendProblem(response, new Refusal('request.invalid'), () => {})
}

/**
 * Takes ports and brackets from the addresses in X-Forwarded-For, which some proxies write: one client has one address, whatever the
 * port of its connection. Whether the header is believed at all is decided where a number of proxies is trusted.
 */
export const plainAddresses: RequestHandler = (request, _response, next) => {
  const given = request.headers['x-forwarded-for']
  if (typeof given === 'string') request.headers['x-forwarded-for'] = given.split(',').map(withoutPort).join(',')
  next()
}

/** `203.0.113.8:40000`, `[2001:db8::1]:40000`, `"[2001:db8::1]"` */
function withoutPort(entry: string): string {
  const text = entry.trim().replace(/^"(.*)"$/, '$1')
  const parts = /^(?:\[([0-9a-f:.]+)\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?$/i.exec(text)
  return parts?.[1] ?? parts?.[2] ?? text
}
