import type { ContentType } from '@quorate/shared/contents/table'
import { toHex } from '@quorate/shared/wire/bytes'
import { digestOfSecret } from '@quorate/shared/bunker/clients'
import type { HandedOn } from '@quorate/shared/nostr/hand-on'
import { NostrKey } from '@quorate/shared/nostr/keys'
import type { BookTerms, OwnerGrant } from '@quorate/shared/wire/bunker'
import { GrantId, UserId } from '@quorate/shared/wire/ids'
import { refuse } from '../errors.ts'
import type { Key } from '../key.ts'
import { randomBytes } from '../random.ts'
import type { BunkerState } from './state.ts'
import { isNarrower, readTerms, type Granting, type Terms } from './terms.ts'

/** Which program has an offer by now. `ended`: it has logged out. */
type BoundClient = Readonly<{ client: NostrKey; since: number; ended: boolean }>

/** To whom the program of a grant has handed a part of it on, and what that one may at most. */
type HandedTo = BoundClient & Readonly<{ handed: HandedOn }>

/** A grant in an owner's book. `bound`: who came with the secret of an offer, and, for any grant, that its client has logged out. */
export type GivenGrant = Readonly<{
  id: GrantId
  /** User id. */
  owner: string
  own: boolean
  grant: OwnerGrant
  bound: BoundClient | null
  handedTo: readonly HandedTo[]
  /**
   * User ids of all who give it, whatever their terms, or who let the same program do as much by another grant. As many as the key's
   * threshold must, or shares are missing.
   */
  givenBy: readonly string[]
}>

/** A host's word that a client is gone counts before another's that it came. */
export function boundTo({ bindings }: Pick<BunkerState, 'bindings'>, id: GrantId): BoundClient | null {
  const own = bindings.filter(({ body }) => body.grant === id).map(({ body }) => body)
  const last =
    own.find(({ ended }) => ended) ??
    own.reduce<(typeof own)[0] | null>((first, one) => (first === null || one.since < first.since ? one : first), null)
  return last === null ? null : { client: last.client, since: last.since, ended: last.ended }
}

function handedBy({ bindings }: BunkerState, { holder, handsOn }: OwnerGrant, bound: BoundClient | null): HandedTo[] {
  const client = holder.kind === 'client' ? holder.client : bound?.client
  const acts = new Map(
    bindings.flatMap(({ body: { grant, handOn } }) =>
      handsOn && handOn !== null && handOn.by === client ? [[grant, handOn] as const] : [],
    ),
  )
  return [...acts].flatMap(([name, { handed }]) => {
    const to = boundTo({ bindings }, name)
    return to === null ? [] : [{ ...to, handed }]
  })
}

type InBook = Readonly<{ index: number; grant: OwnerGrant; bound: BoundClient | null }>

/** The program that has a grant by now. */
export const programOf = ({ grant: { holder }, bound }: InBook): NostrKey | null =>
  holder.kind === 'client' ? holder.client : (bound?.client ?? null)

/** Does another grant let the same program do all that this one does, as long as both last? */
function isMatched(one: InBook, other: InBook): boolean {
  if (one.grant.id === other.grant.id) return true
  const program = programOf(one)
  return program !== null && program === programOf(other) && isNarrower({ ...one.grant, expiresAt: 0 }, other.grant)
}

/** All grants in all books that open, the own first. */
export function givenGrants(key: Key, state: BunkerState, me: number): GivenGrant[] {
  const nameOf = (index: number) => key.participants[index - 1] ?? ''
  const all = state.books.flatMap(({ index, terms }): InBook[] =>
    (terms?.grants ?? []).map((grant) => ({ index, grant, bound: boundTo(state, grant.id) })),
  )
  const giversOf = (one: InBook) => new Set(all.filter((other) => isMatched(one, other)).map(({ index }) => index))
  return all
    .map((one) => ({
      id: one.grant.id,
      owner: nameOf(one.index),
      own: one.index === me,
      grant: one.grant,
      bound: one.bound,
      handedTo: handedBy(state, one.grant, one.bound),
      givenBy: [...giversOf(one)].map(nameOf),
    }))
    .sort((a, b) => Number(b.own) - Number(a.own))
}

/** For whom a grant is: a program by its public key (hex), or participants of the key, who ask over REST, for these types of content. */
export type GrantHolder = Readonly<{ client: string } | { askers: readonly string[]; content: readonly ContentType[] }>

/** Throws a `ZodError` for what is no public key, and no participant. */
export function holderOf(to: GrantHolder): OwnerGrant['holder'] {
  if ('client' in to) return { kind: 'client', client: NostrKey.parse(to.client), greeting: null }
  return { kind: 'askers', askers: to.askers.map((name) => UserId.parse(name)), content: [...to.content] }
}

export const newGrant = (holder: OwnerGrant['holder'], granting: Granting): OwnerGrant => ({
  id: GrantId.parse(toHex(randomBytes(8))),
  holder,
  ...granting,
})

/** A grant for who says a fresh secret first, before `until` (ms). */
export function newOffer(
  terms: Terms,
  expiresIn: number,
  now: number,
): Readonly<{ grant: OwnerGrant; secret: string; until: number }> {
  const secret = toHex(randomBytes(16))
  const until = now + expiresIn
  return {
    grant: newGrant({ kind: 'offer', secret: digestOfSecret(secret), until }, readTerms(terms, now)),
    secret,
    until,
  }
}

/** A change of what an owner says, that may be made twice: the second time it changes nothing. */
export type Change = (terms: BookTerms) => BookTerms

const withGrants = (terms: BookTerms, change: (grants: readonly OwnerGrant[]) => OwnerGrant[]): BookTerms => ({
  ...terms,
  grants: change(terms.grants),
})

/** Puts grants in, each in the place of one of the same id. */
export const give =
  (...given: readonly OwnerGrant[]): Change =>
  (terms) =>
    withGrants(terms, (grants) => [...grants.filter(({ id }) => !given.some((one) => one.id === id)), ...given])

/** Changes a grant. Throws `grant.unknown`. */
export const change =
  (id: GrantId, to: (grant: OwnerGrant) => OwnerGrant): Change =>
  (terms) => {
    if (!terms.grants.some((grant) => grant.id === id)) return refuse('grant.unknown')
    return withGrants(terms, (grants) => grants.map((grant) => (grant.id === id ? to(grant) : grant)))
  }

export const take =
  (id: GrantId): Change =>
  (terms) =>
    withGrants(terms, (grants) => grants.filter((grant) => grant.id !== id))

export const takeAll: Change = (terms) => withGrants(terms, () => [])
