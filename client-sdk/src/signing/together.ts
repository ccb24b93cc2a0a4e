import { mostTogether, type SigningEntry } from '@quorate/shared/wire/routes/together'
import type { RouteBody } from '@quorate/shared/wire/routes/table'
import type { SigningId } from '@quorate/shared/wire/ids'
import type { Context } from '../context.ts'
import { QuorateError, refuse } from '../errors.ts'
import { gather, type Place, type Reply } from './gather.ts'

/*
 * Several keys in one. Each has its own request and its own words, signed by the auth key of that key alone, and its own hosts check them: people who
 * have several keys cannot be linked by them. What is one is the call.
 */

/** How the gateway took what was sent to it. */
type Taken = Pick<Extract<SigningEntry, { state: string }>, 'signingId'>

export type PostRequest = (body: RouteBody<'requestSigning'>) => Promise<Taken>
export type PostApproval = (approval: RouteBody<'approveSigning'>, signingId: SigningId) => Promise<Taken>

const replyOf = (entry: SigningEntry): Reply<Taken> =>
  'code' in entry
    ? { refused: new QuorateError(entry.code, 'gateway', { culprits: entry.culprits }) }
    : { answer: entry }

const repliesOf = (entries: readonly SigningEntry[], sent: readonly unknown[]): Reply<Taken>[] =>
  entries.length === sent.length ? entries.map(replyOf) : refuse('reply.mismatch')

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/** Runs one act for each, of which each posts something, all of them in one call. As `Promise.allSettled`. Throws `request.invalid` for none or too many. */
async function each<T, Q, R>(
  all: readonly T[],
  places: (count: number) => Place<Q, Taken>[],
  act: (one: T, place: Place<Q, Taken>) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  if (all.length === 0 || all.length > mostTogether) {
    const issues = [`${all.length} signings: 1 to ${mostTogether} go together`]
    throw new QuorateError('request.invalid', 'client', { issues })
  }
  const free = places(all.length)
  return Promise.allSettled(
    all.map(async (one, at) => {
      const place = free[at] as Place<Q, Taken>
      try {
        return await act(one, place)
      } finally {
        place.leave()
      }
    }),
  )
}

/** Asks for each of these, in one call. */
export const askTogether = <T, R>(
  { client }: Context,
  all: readonly T[],
  { signal }: Signal,
  ask: (one: T, post: PostRequest) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> => {
  type Body = RouteBody<'requestSigning'>
  const send = async (requests: readonly Body[]) =>
    repliesOf((await client.call('requestSignings', { body: { requests: [...requests] }, signal })).signings, requests)
  return each(
    all,
    (count) => gather(count, send),
    (one, place: Place<Body, Taken>) => ask(one, (body) => place.ask(body)),
  )
}

/** Says a word on each of these, in one call. */
export const decideTogether = <T, R>(
  { client }: Context,
  all: readonly T[],
  { signal }: Signal,
  decide: (one: T, post: PostApproval) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> => {
  type Word = Readonly<{ signingId: SigningId; approval: RouteBody<'approveSigning'> }>
  const send = async (words: readonly Word[]) =>
    repliesOf((await client.call('approveSignings', { body: { approvals: [...words] }, signal })).signings, words)
  return each(
    all,
    (count) => gather(count, send),
    (one, place: Place<Word, Taken>) => decide(one, (approval, signingId) => place.ask({ signingId, approval })),
  )
}
