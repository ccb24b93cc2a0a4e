import type { ClientOptions } from '../src/http/client.ts'

/** How calls are sent: over node:http, as the SDK does on Node by itself; by `fetch`, as in browsers and for whoever brings one. */
export const ways: readonly (readonly [string, Pick<ClientOptions, 'fetch'>])[] = [
  ['node:http', {}],
  ['fetch', { fetch: globalThis.fetch }],
]
