import { readerSeed } from '@quorate/shared/crypto/session-items'
import { createSigner, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import { KeyId, Random32 } from '@quorate/shared/wire/ids'
import type { RouteReply, RouteWanting } from '@quorate/shared/wire/routes/table'
import { QuorateError } from '../errors.ts'
import { orAborted } from './retry.ts'
import { randomBytes } from '../random.ts'
import type { Client, Question } from './client.ts'

type Token = RouteReply<'openSession'>

type Signalled = Readonly<{ signal?: AbortSignal | undefined }>

/** Reads about one key, as somebody who knows its session secret. */
export type Reader = (<N extends RouteWanting<'reader'>>(
  route: N,
  call: Question<N> & Signalled,
) => Promise<RouteReply<N>>) &
  Readonly<{
    /** The lives of the key's hosts, which a word names, as the gateway last said them; `anew`: asked for now. */
    lives: (options: Signalled & Readonly<{ anew: boolean }>) => Promise<string[]>
    /** What a program may be given that reads on its own. */
    token: (signal?: AbortSignal) => Promise<Pick<Token, 'token' | 'expiresAt'>>
  }>

/** For how long a list is to wait for something (ms), as a query has it: 60 s at most. */
export const waitFor = (ms: number) => (ms > 0 ? { wait: `${Math.min(ms, 60_000)}ms` } : {})

/** A token is renewed so long before it ends, in ms. */
const margin = 30_000

export const readerSigner = (sessionSecret: Uint8Array): Promise<Signer> => {
  const seed = readerSeed(sessionSecret)
  return createSigner(seed).finally(() => seed.fill(0))
}

/** One proof to the gateway, and how many wait for its token. */
type Proving = { readonly token: Promise<Token>; readonly stop: AbortController; waiting: number; isDone: boolean }

/** Whoever stops waiting stops nobody else; the last one stops the proof. */
async function wait(proving: Proving, signal: AbortSignal | undefined): Promise<Token> {
  proving.waiting += 1
  try {
    return await orAborted(proving.token, signal)
  } finally {
    proving.waiting -= 1
    if (proving.waiting === 0 && !proving.isDone) proving.stop.abort()
  }
}

/** Proves the reader key to the gateway once, keeps the token, and proves again when it is about to end or was refused. */
export function createReader(client: Client, keyId: string, signer: Signer, now: () => number): Reader {
  let current: Proving | null = null

  const prove = async (signal: AbortSignal): Promise<Token> => {
    const nonce = Random32.parse(toHex(randomBytes(32)))
    const body = { keyId: KeyId.parse(keyId), gateway: client.gateway, time: now(), nonce }
    return client.call('openSession', { body: await signBody(signer, 'session', body), signal })
  }
  const renew = (signal?: AbortSignal): Promise<Token> => {
    const stop = new AbortController()
    const proving: Proving = { token: prove(stop.signal), stop, waiting: 0, isDone: false }
    current = proving
    const forget = () => {
      if (current === proving) current = null
    }
    proving.token.then(() => (proving.isDone = true), forget)
    stop.signal.addEventListener('abort', forget)
    return wait(proving, signal)
  }
  const tokenFor = async (signal?: AbortSignal): Promise<Token> => {
    const token = await (current === null ? renew(signal) : wait(current, signal))
    return token.expiresAt - margin > now() ? token : renew(signal)
  }

  const lives: Reader['lives'] = async ({ anew, signal }) => (anew ? await renew(signal) : await tokenFor(signal)).lives

  async function read<N extends RouteWanting<'reader'>>(
    route: N,
    call: Question<N> & Signalled,
  ): Promise<RouteReply<N>> {
    const { token } = await tokenFor(call.signal)
    try {
      return await client.call(route, { ...call, token })
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'request.unauthorized') throw error
      return client.call(route, { ...call, token: (await renew(call.signal)).token })
    }
  }
  return Object.assign(read, { lives, token: tokenFor })
}
