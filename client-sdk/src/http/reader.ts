import { readerSeed } from '@quorate/shared/crypto/session-items'
import { createSigner, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import { KeyId, Random32 } from '@quorate/shared/wire/ids'
import type { RouteReply, RouteWanting } from '@quorate/shared/wire/routes/table'
import { QuorateError } from '../errors.ts'
import { randomBytes } from '../random.ts'
import type { Client, Question } from './client.ts'

type Token = RouteReply<'openSession'> & Readonly<{ provedAt: number }>

type Signalled = Readonly<{ signal?: AbortSignal | undefined }>

/** Reads about one key, as somebody who knows its session secret. */
export type Reader = (<N extends RouteWanting<'reader'>>(
  route: N,
  call: Question<N> & Signalled,
) => Promise<RouteReply<N>>) &
  Readonly<{
    /** The lives of the key's hosts, as the gateway said them five seconds ago at most: a word names them. */
    lives: () => Promise<string[]>
  }>

/** A token is renewed so long before it ends, in ms. */
const margin = 30_000
/** What the gateway has said of lives is asked for again after this long, in ms: people say a word now and then. */
const LIVES_LAST = 5_000

export const readerSigner = (sessionSecret: Uint8Array): Promise<Signer> => {
  const seed = readerSeed(sessionSecret)
  return createSigner(seed).finally(() => seed.fill(0))
}

/** Proves the reader key to the gateway once, keeps the token, and proves again when it is about to end or was refused. */
export function createReader(client: Client, keyId: string, signer: Signer, now: () => number): Reader {
  let current: Promise<Token> | null = null

  const prove = async (): Promise<Token> => {
    const nonce = Random32.parse(toHex(randomBytes(32)))
    const body = { keyId: KeyId.parse(keyId), gateway: client.gateway, time: now(), nonce }
    const provedAt = now()
    return { ...(await client.call('openSession', { body: await signBody(signer, 'session', body) })), provedAt }
  }
  const renew = (): Promise<Token> => {
    const proving = prove()
    current = proving
    proving.catch(() => {
      if (current === proving) current = null
    })
    return proving
  }
  const tokenFor = async (): Promise<Token> => {
    const token = await (current ?? renew())
    return token.expiresAt - margin > now() ? token : renew()
  }

  const lives = async (): Promise<string[]> => {
    const token = await tokenFor()
    return (now() - token.provedAt < LIVES_LAST ? token : await renew()).lives
  }

  async function read<N extends RouteWanting<'reader'>>(
    route: N,
    call: Question<N> & Signalled,
  ): Promise<RouteReply<N>> {
    const { token } = await tokenFor()
    try {
      return await client.call(route, { ...call, token })
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'request.unauthorized') throw error
      return client.call(route, { ...call, token: (await renew()).token })
    }
  }
  return Object.assign(read, { lives })
}
