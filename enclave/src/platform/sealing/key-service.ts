import type { IncomingMessage } from 'node:http'
import { request, type Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { readRetryAfter } from '@quorate/shared/wire/retry-after'

/** How long a caller waits for a key service, in ms. */
export type Patience = Readonly<{ attempts: number; each: number; all: number }>

/** A boot makes a handful of calls. When they take longer than a gateway waits, it asks again. */
const patience: Patience = { attempts: 3, each: 2_000, all: 6_000 }

export type Question = Readonly<{ method: 'GET' | 'POST'; url: string; body?: object }>

/** JSON over HTTPS to a key service; `undefined` when its answer is none. */
export type AskKeyService = (question: Question) => Promise<unknown>

export type KeyServiceParts = Readonly<{
  agent: Agent
  /** A fresh bearer token for each attempt. */
  token: () => Promise<string>
  /** Does a body with which the service says no mean that the key is switched off? */
  meansDisabled: (body: unknown) => boolean
  patience?: Patience
}>

const longestAnswer = 64 * 1024

/**
 * A REST service behind this agent. What may pass (429, 5xx, no answer) is asked again, not before Retry-After says so; a token
 * that it does not take (401) is fetched anew, once.
 * Throws `kms.denied` when it says no, `kms.disabled` when the key is switched off, `kms.throttled` and `kms.unavailable` when
 * patience ends, `kms.invalid` for an answer that is too long or in no such form.
 */
export const createKeyService =
  ({ agent, token, meansDisabled, patience: limits = patience }: KeyServiceParts): AskKeyService =>
  async (question) => {
    const deadline = performance.now() + limits.all
    for (let attempt = 1; ; attempt += 1) {
      const answer = await send(agent, await token(), question, Math.min(limits.each, deadline - performance.now()))
      if (answer?.status === 200) return answer.body
      const { code, mayPass } = judge(answer, meansDisabled)
      const another = answer?.status === 401 && attempt === 1
      const pause = answer?.retryAfter ?? 100 * 2 ** attempt
      if (!(mayPass || another) || attempt >= limits.attempts || performance.now() + pause >= deadline)
        throw new Refusal(code)
      await sleep(pause)
    }
  }

type Judgement = Readonly<{ code: RefusalCode; mayPass: boolean }>

function judge(answer: Answer | null, meansDisabled: KeyServiceParts['meansDisabled']): Judgement {
  if (answer === null || answer.status === 408 || answer.status >= 500)
    return { code: 'kms.unavailable', mayPass: true }
  if (answer.status === 429) return { code: 'kms.throttled', mayPass: true }
  if (answer.status < 400) return { code: 'kms.invalid', mayPass: false }
  return { code: meansDisabled(answer.body) ? 'kms.disabled' : 'kms.denied', mayPass: false }
}

/** `retryAfter` in ms. */
type Answer = Readonly<{ status: number; retryAfter: number | null; body: unknown }>

/** Null when there is no answer in time. */
async function send(agent: Agent, token: string, question: Question, ms: number): Promise<Answer | null> {
  const { method, url, body } = question
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' }
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(ms)))
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { agent, method, headers, signal })
        .on('response', resolve)
        .on('error', reject)
        .end(body === undefined ? undefined : JSON.stringify(body))
    })
    const text = await readText(response)
    return { status: response.statusCode ?? 0, retryAfter: retryAfterOf(response), body: parse(text) }
  } catch (error) {
    if (error instanceof Refusal) throw error
    return null
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestAnswer) throw new Refusal('kms.invalid')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const retryAfterOf = ({ headers }: IncomingMessage): number | null =>
  readRetryAfter({ retryAfter: headers['retry-after'], date: headers.date }, Date.now())
