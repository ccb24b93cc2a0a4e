import { permissionsOf, readPermissions, type Permissions } from '@quorate/shared/nostr/permissions'
import type { Decision } from '@quorate/shared/wire/consent'
import type { Context } from '../context.ts'
import { QuorateError, refuse } from '../errors.ts'
import { naming, type Member } from '../naming.ts'
import { writeApproval } from '../signing/request.ts'
import { change, give, newGrant, type Change } from './grants.ts'
import { readTerms, type Terms } from './terms.ts'
import type { WaitingRequest } from './waiting.ts'

/** For how long an approval counts at most. 24 hours, in ms. */
const LONGEST_APPROVAL = 86_400_000

const both = (one: Permissions, other: Permissions): Permissions => ({
  methods: [...new Set([...one.methods, ...other.methods])],
  kinds: {
    ordinary: one.kinds.ordinary || other.kinds.ordinary,
    named: [...new Set([...one.kinds.named, ...other.kinds.named])],
  },
})

/**
 * A grant for the program that waits. `true`: what it has asked for, whatever it signs or exchanges by it; a grant that was given so before gets it
 * too, so that there is one for each program.
 */
export function extendAlways({ client, wish, metadata }: WaitingRequest, always: true | Terms, now: number): Change {
  const holder = { kind: 'client' as const, client, greeting: null }
  const name = metadata?.name?.slice(0, 64) ?? ''
  if (always !== true) return give(newGrant(holder, readTerms({ name, ...always }, now)))
  const asked = permissionsOf(readPermissions(wish))
  const given = newGrant(holder, { ...readTerms({ name }, now), permissions: asked })
  return (book) => {
    const known = book.grants.find(
      (one) => one.holder.kind === 'client' && one.holder.client === client && isPlain(one, now),
    )
    if (known === undefined) return give(given)(book)
    const { expiresAt } = given
    return change(known.id, (one) => ({ ...one, permissions: both(one.permissions, asked), expiresAt }))(book)
  }
}

/** Was the grant given by a yes for always, and is it in force? */
const isPlain = (
  { peers, longest, dated, limits, otherwise, expiresAt }: ReturnType<typeof newGrant>,
  now: number,
): boolean =>
  peers === null && longest === null && dated === null && limits.length === 0 && otherwise === 'ask' && now < expiresAt

type Word = Readonly<{ decision: Decision; isGiven: boolean; signal?: AbortSignal | undefined }>

/**
 * Signs the own word on R and sends it. `isGiven`: a grant says yes already, so that what does not wait any more is done. Throws
 * `consent.expired`, `request.not_found`.
 */
export async function decideWaiting(
  context: Context,
  member: Member,
  { key, event, requestDigest, expiresAt }: WaitingRequest,
  { decision, isGiven, signal }: Word,
): Promise<void> {
  const givenAt = context.now()
  if (requestDigest === null || expiresAt <= givenAt) return refuse('consent.expired')
  const until = Math.min(expiresAt, givenAt + LONGEST_APPROVAL)
  const params = { keyId: key.keyId, eventId: event }
  try {
    const reply = await naming(
      context,
      key,
      async (lives) => {
        const word = { decisions: [decision], reason: null, lives, givenAt, expiresAt: until }
        const body = await writeApproval(key, requestDigest, member, word)
        return context.client.call('decideWaiting', { params, body, signal })
      },
      { signal },
    )
    if (reply.event !== event) return refuse('reply.mismatch')
  } catch (error) {
    const isOver = error instanceof QuorateError && ['request.not_found', 'session.conflict'].includes(error.code)
    if (!isGiven || !isOver) throw error
  }
}
