import * as z from 'zod/mini'
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

/** A schema of texts that `read` writes in their one form, unless `faultOf` finds something. */
const address = (faultOf: (text: string) => string | null, read: (text: string) => string) =>
  z.pipe(
    z.string(),
    z.transform((text, { issues }): string => {
      const message = faultOf(text)
      if (message === null) return read(text)
      issues.push({ code: 'custom', message, input: text })
      return z.NEVER
    }),
  )

/**
 * Where clients reach a gateway. Clients sign it and the gateway compares it, so that both write it in one form: scheme and host in
 * lower case, no default port, no slash at the end.
 */
export const GatewayAddress = address(fault, (text) => new URL(text).href.replace(/\/+$/, ''))

/** Whose pages may use an API, as browsers name it in `Origin`: no path, no default port, lower case (RFC 6454 §6.2). */
export const Origin = address(
  (text) => fault(text) ?? (new URL(text).pathname === '/' ? null : 'expected an origin, which has no path'),
  (text) => new URL(text).origin,
)
