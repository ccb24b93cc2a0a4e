import type { Item } from '@quorate/shared/wire/content'
import type { Context } from '../context.ts'
import { refuse, refusing } from '../errors.ts'
import type { Key } from '../key.ts'
import { naming, type Naming } from '../naming.ts'
import { memberOf, type Person } from '../person.ts'
import type { KeySigner } from '../signer.ts'
import { readItems, type Signable } from './items.ts'
import { writeRequest } from './request.ts'
import { Signing } from './signing.ts'
import { askTogether, type PostRequest } from './together.ts'
import type { OpenedRequest } from './request.ts'

/** Who asks. `naming`: says a word that names the lives of the key's hosts. */
export type Asker = Readonly<{
  index: number
  signer: KeySigner
  naming: <T>(say: (lives: string[]) => Promise<T>, how: Naming) => Promise<T>
}>

/** `expiresAt` in ms. `anew`: in place of a request whose hosts may be over. `post`: sends it with others. */
type Asking = Readonly<{
  items: readonly Item[]
  expiresAt: number
  signal?: AbortSignal | undefined
  anew?: boolean
  post?: PostRequest | undefined
}>

async function send(
  { client, now }: Context,
  key: Key,
  asker: Asker,
  { items, lives, expiresAt, signal, post }: Omit<Asking, 'anew'> & Readonly<{ lives: string[] }>,
): Promise<OpenedRequest> {
  const { sealedItems, ...opened } = await writeRequest(key, asker, items, { lives, askedAt: now(), expiresAt })
  const { request } = opened
  const alone: PostRequest = (body) => client.call('requestSigning', { body, signal })
  const status = await (post ?? alone)({ request, sealedItems })
  return status.signingId === request.body.signingId ? opened : refuse('reply.mismatch')
}

/** Writes a request and sends it. What is asked for anew is not asked for a third time. Throws `epoch.stale`, `request.invalid`. */
export async function askFor(context: Context, key: Key, asker: Asker, asking: Asking): Promise<Signing> {
  const { items, expiresAt, signal, anew = false, post } = asking
  context.known.requireCurrent(key)
  const opened = await asker.naming((lives) => send(context, key, asker, { items, lives, expiresAt, signal, post }), {
    anew,
    signal,
  })
  const { signer } = asker
  if (anew) return new Signing(context, key, opened, { signer })
  const again = (options: Pick<Asking, 'signal'>) =>
    askFor(context, key, asker, { items, expiresAt, ...options, anew: true })
  return new Signing(context, key, opened, { signer, again })
}

/** What one key is asked for. `subgroup`: signs what does not name one itself. */
export type Wish = Readonly<{ key: Key; what: Signable | readonly Signable[]; subgroup?: string | undefined }>

/** How long a request waits for approvals, in ms: ten minutes when nothing is said. */
export type AskingTimes = Readonly<{ expiresIn?: number | undefined; signal?: AbortSignal | undefined }>

const REQUEST_TIME = 600_000

/** Asks one key for what is wished, as one of its participants. */
export async function askOwn(
  me: Person,
  { key, what, subgroup }: Wish,
  { expiresIn = REQUEST_TIME, ...sending }: AskingTimes & Readonly<{ post?: PostRequest | undefined }>,
): Promise<Signing> {
  const { context } = me
  const expiresAt = context.now() + expiresIn
  const ofKey: Asker['naming'] = (say, how) => naming(context, key, say, how)
  const asker = { ...(await memberOf(me, key)), naming: ofKey }
  const items = readItems(await context.mpc(), key, what, subgroup)
  return askFor(context, key, asker, { items, expiresAt, ...sending })
}

/** Asks several keys in one call. As `Promise.allSettled`. */
export const askSeveral = (
  me: Person,
  wishes: readonly Wish[],
  { signal, ...times }: AskingTimes,
): Promise<PromiseSettledResult<Signing>[]> =>
  askTogether(me.context, wishes, { signal }, (wish, post) =>
    refusing(() => askOwn(me, wish, { signal, ...times, post })),
  )
