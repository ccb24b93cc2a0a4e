import { writePath, type Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'

/** What was sent to a route and what it answered: the last of each. */
export type Exchange = { body?: unknown; reply?: unknown }

/** Asks as `fetch` does, and keeps what routes are sent and what they answer. */
export function createRecorder() {
  const exchanges = new Map<string, Exchange>()
  const record = async (url: URL, init: RequestInit, response: Response) => {
    const name = routeAt(init.method ?? 'GET', url.pathname)
    if (name === undefined || !response.ok || response.status === 204) return
    const exchange: Exchange = { reply: await replyOf(response) }
    if (typeof init.body === 'string') exchange.body = JSON.parse(init.body)
    exchanges.set(name, exchange)
  }
  const ask = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(input, init)
    await record(new URL(input instanceof Request ? input.url : input), init, response.clone())
    return response
  }
  return { exchanges, fetch: ask }
}

/** The last event of a stream, or the answer. */
async function replyOf(response: Response): Promise<unknown> {
  const text = await response.text()
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  return JSON.parse(isStream ? ([...text.matchAll(/^data: (.*)$/gm)].at(-1)?.[1] ?? 'null') : text)
}

function routeAt(method: string, pathname: string): string | undefined {
  const [name] =
    Object.entries<Route>(routes).find(([, route]) => {
      const pattern = `^/api/v1${writePath(route.path, () => '[^/]+')}$`
      return route.method === method.toLowerCase() && new RegExp(pattern).test(pathname)
    }) ?? []
  return name
}

/** A string without an end that anybody reads: documents, sealed boxes, tokens. Hex stays, since its length is checked. */
const isLong = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 160 && /^[\w.-]+$/.test(value) && !/^[0-9a-f]+$/.test(value)

/** The same with the beginnings of long strings: 48 bytes of base64url. */
export const shortened = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => (isLong(part) ? part.slice(0, 64) : part)))
