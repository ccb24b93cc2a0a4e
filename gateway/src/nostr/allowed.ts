/** Which relays a gateway connects to: any that speaks TLS, or these, in the form of their `href`, or as `ws://host:*` for any port and path there. */
export type AllowedRelays = '*' | ReadonlySet<string>

export const noRelays: AllowedRelays = new Set()

export function isAllowed(allowed: AllowedRelays, relay: string): boolean {
  const url = URL.parse(relay)
  if (url === null) return false
  if (allowed === '*') return url.protocol === 'wss:'
  return allowed.has(url.href) || allowed.has(`${url.protocol}//${url.hostname}:*`)
}
