import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { refusals, type RefusalCode } from '../errors.ts'
import { toUtf8 } from '../wire/bytes.ts'
import { isMethod, methods, type Method, type Request, type Result } from './methods.ts'
import { longestMessage } from './nip44-padding.ts'

/** What stands encrypted in a request. Later revisions may add fields: nobody is refused for one that is not known here. */
const Message = z.object({
  id: Text.check(z.minLength(1), z.maxLength(128)),
  method: z.string().check(z.maxLength(64)),
  params: z.array(z.string().check(z.maxLength(longestMessage))).check(z.maxLength(16)),
})
const WithId = z.pick(Message, { id: true })

/** A request that cannot be done. Its client hears why, unless it has no id that an answer could carry. */
export type Unread = Readonly<{ id: string | null; refused: RefusalCode }>

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function readJson(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/** Reads a decrypted request. Whatever is wrong with it, there is an answer if there is an id. */
export function readRequest(text: string): Request | Unread {
  const json = readJson(text)
  const read = Message.safeParse(json)
  if (!read.success) return { id: WithId.safeParse(json).data?.id ?? null, refused: 'nostr.request_invalid' }
  const { id, method, params } = read.data
  if (!isMethod(method)) return { id, refused: 'nostr.method_unknown' }
  const fit = methods[method].params.safeParse(params)
  if (!fit.success) return { id, refused: 'nostr.params_invalid' }
  return { id, method, params: fit.data } as Request
}

/**
 * What stands encrypted in a response. A refusal has no result, for there are clients that read a result before they look for an error.
 * `auth_url` says in `error` where the user goes; a second response of the same id follows.
 */
export type Response = Readonly<
  { id: string; result: string } | { id: string; error: string } | { id: string; result: 'auth_url'; error: string }
>

export const answer = <M extends Method>(
  { id, method }: Readonly<{ id: string; method: M }>,
  value: Result<M>,
): Response => {
  const format = methods[method].result as (value: Result<M>) => string
  return { id, result: format(value) }
}

/** The client hears the title of the code and nothing of what decided: that is for the owner. */
export const refuse = (id: string, code: RefusalCode): Response => ({ id, error: refusals[code].title })

/** Sends the user to a page, by its address. */
export const sendToPage = (id: string, url: string): Response => ({ id, result: 'auth_url', error: url })

/** The response that nobody has asked for by an event: what a `nostrconnect://` client waits for, with the secret of its URI. */
export const greet = (id: string, secret: string): Response => ({ id, result: secret })

/** JSON to be encrypted. One that does not fit into one message becomes a refusal: a client that hears nothing would wait. */
export function formatResponse(response: Response): string {
  const text = JSON.stringify(response)
  const fits = toUtf8(text).length <= longestMessage
  return fits ? text : JSON.stringify(refuse(response.id, 'nostr.result_too_large'))
}
