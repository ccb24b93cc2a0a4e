/** Whose pages may use the API from a browser: nobody's, all, or these origins; `http://host:*` is any port there. */
export type AllowedOrigins = null | '*' | ReadonlySet<string>

/** What `Access-Control-Allow-Origin` says to a page of this origin. Null for a page that may not. */
export function allowedOrigin(allowed: AllowedOrigins, origin: string | undefined): string | null {
  if (allowed === null || allowed === '*') return allowed
  const url = URL.parse(origin ?? '')
  if (url === null) return null
  return allowed.has(url.origin) || allowed.has(`${url.protocol}//${url.hostname}:*`) ? url.origin : null
}
