import * as z from 'zod'
import { parseUrl } from './url.ts'

/** Why a text is not where a gateway is reached, without the text; null for one that may be. */
function fault(text: string): string | null {
  const url = parseUrl(text)
  if (url === null || !/^\w+:\/\//.test(text)) return 'expected an address like https://sign.example.org'
  if (!/^https?:$/.test(url.protocol)) return 'expected http:// or https://'
  if (url.username !== '' || url.password !== '') return 'expected no user name or password in it'
  if (/[?#]/.test(text)) return 'expected nothing after its path'
  return null
}

/**
 * Where clients reach a gateway. Clients sign it and the gateway compares it, so that both write it in one form: scheme and host in
 * lower case, no default port, no slash at the end.
 */
export const GatewayAddress = z.string().transform((text, context): string => {
  const why = fault(text)
  if (why === null) return new URL(text).href.replace(/\/+$/, '')
  context.addIssue(why)
  return z.NEVER
})

/** Whose pages may use an API, as browsers name it in `Origin`: no path, no default port, lower case (RFC 6454 §6.2). */
export const Origin = z.string().transform((text, context): string => {
  const why = fault(text) ?? (new URL(text).pathname === '/' ? null : 'expected an origin, which has no path')
  if (why === null) return new URL(text).origin
  context.addIssue(why)
  return z.NEVER
})
