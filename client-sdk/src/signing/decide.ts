import { decideAll } from '@quorate/shared/consent/decisions'
import { signersOfItems } from '@quorate/shared/verify/signers'
import type { Decision } from '@quorate/shared/wire/consent'
import { QuorateError, refuse, refusing } from '../errors.ts'
import type { Key } from '../key.ts'
import { naming, type Member } from '../naming.ts'
import { memberOf, type Person } from '../person.ts'
import { writeApproval } from './request.ts'
import type { Signing } from './signing.ts'
import { decideTogether, type PostApproval } from './together.ts'

/** `reason`: for the others, and the gateway reads it too. */
export type Wording = Readonly<{ reason?: string | null | undefined; signal?: AbortSignal | undefined }>

/** Says for how long an approval counts, unless the request is over before. 24 hours, in ms. */
const LONGEST_APPROVAL = 86_400_000

/** Can this participant's share sign any item of the request? */
export const isSigner = (key: Key, { request }: Pick<Signing, 'request'>, { index }: Pick<Member, 'index'>): boolean =>
  signersOfItems(key.certificate.body.roster.skeleton, request.body).some(({ members }) => members.includes(index))

/** Says yes or no to each item, in one word. `post`: sends it with others. */
export async function decideOn(
  me: Person,
  signing: Signing,
  decisions: readonly Decision[],
  word: Wording & Readonly<{ post?: PostApproval | undefined }>,
): Promise<void> {
  const { key, request, items } = signing
  if (decisions.length !== items.length) {
    const issues = [`${decisions.length} decisions on ${items.length} items`]
    throw new QuorateError('request.invalid', 'client', { issues })
  }
  if (decisions.includes('approve')) {
    me.context.known.requireCurrent(key)
    if (request.body.certificateDigest !== key.digest) return refuse('epoch.stale')
  }
  await say(me, signing, [...decisions], word)
}

async function say(
  me: Person,
  signing: Signing,
  decisions: Decision[],
  { reason = null, signal, post }: Wording & Readonly<{ post?: PostApproval | undefined }>,
): Promise<void> {
  const { context } = me
  const { requestDigest, expiresAt, signingId, key } = signing
  const givenAt = context.now()
  if (expiresAt <= givenAt) return refuse('consent.expired')
  const until = Math.min(expiresAt, givenAt + LONGEST_APPROVAL)
  const member = await memberOf(me, key)
  if (!isSigner(key, signing, member)) return refuse('subgroup.not_member')
  const status = await naming(
    context,
    key,
    async (lives) => {
      const word = { decisions, reason, lives, givenAt, expiresAt: until }
      const approval = await writeApproval(key, requestDigest, member, word)
      if (post !== undefined) return post(approval, signingId)
      return context.client.call('approveSigning', { params: { signingId }, body: approval, signal })
    },
    { signal },
  )
  if (status.signingId !== signingId) refuse('reply.mismatch')
}

/** One word on each of these, in one call. As `Promise.allSettled`. */
export const decideOnSeveral = (
  me: Person,
  signings: readonly Signing[],
  {
    decisionsOn = ({ items }) => decideAll(items, 'approve'),
    ...word
  }: Wording & Readonly<{ decisionsOn?: ((signing: Signing) => readonly Decision[]) | undefined }>,
): Promise<PromiseSettledResult<void>[]> =>
  decideTogether(me.context, signings, { signal: word.signal }, (signing, post) =>
    refusing(() => decideOn(me, signing, decisionsOn(signing), { ...word, post })),
  )
