import * as z from 'zod'
import { methods } from './methods.ts'

const Request = z.object({ id: z.string().min(1), method: z.string(), params: z.array(z.string()) })

/** The event of an answer, as it went to the relay. */
const Answered = z.strictObject({
  id: z.string(),
  pubkey: z.string(),
  created_at: z.int(),
  kind: z.int(),
  tags: z.array(z.array(z.string())),
  content: z.string(),
  sig: z.string(),
})

/** What survives a restart. A secret stands with the client that used it, or with `null`; an answer with the event of its request. */
export const Book = z.strictObject({
  signer: z.string(),
  user: z.string(),
  secrets: z.record(z.string(), z.string().nullable()),
  clients: z.array(z.string()),
  answers: z.record(z.string(), Answered),
})
export type Book = z.infer<typeof Book>

type Answer = Readonly<{ id: string; result: string } | { id: string; error: string }>

/** A secret is good for one client, which may say it again. */
function connect(book: Book, client: string, secret = ''): string {
  const by = book.secrets[secret]
  if (by === undefined || (by !== null && by !== client)) throw new Error('secret refused')
  book.secrets[secret] = client
  if (!book.clients.includes(client)) book.clients.push(client)
  return 'ack'
}

function act(book: Book, user: Uint8Array, client: string, { method, params }: z.infer<typeof Request>): string {
  if (method === 'connect') return connect(book, client, params[1])
  if (!book.clients.includes(client)) throw new Error('not connected')
  if (method === 'logout') {
    book.clients = book.clients.filter((known) => known !== client)
    return 'ack'
  }
  const known = methods.get(method)
  if (known === undefined) throw new Error('unknown method')
  return known(user, params)
}

/** The answer to a decrypted request, which may change the book. */
export function answer(book: Book, user: Uint8Array, client: string, text: string): Answer {
  const request = Request.parse(JSON.parse(text))
  try {
    return { id: request.id, result: act(book, user, client, request) }
  } catch (error) {
    return { id: request.id, error: error instanceof Error ? error.message : 'refused' }
  }
}
