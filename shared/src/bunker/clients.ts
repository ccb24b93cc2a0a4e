import { sha256 } from '@noble/hashes/sha2.js'
import { toHex, toUtf8 } from '../wire/bytes.ts'
import type { BookTerms, OwnerGrant } from '../wire/bunker.ts'
import type { Digest, GrantId } from '../wire/ids.ts'
import type { HandOn } from '../nostr/hand-on.ts'
import { narrowed } from './handed.ts'
import type { NostrKey } from '../nostr/keys.ts'

/** Who came with the secret of an offer, or by what another client handed on, and whether it has logged out. */
export type Bound = Readonly<{ client: NostrKey; ended: boolean; handOn: HandOn | null }>

/**
 * A bunker as one owner's book has it. `signer` is the key that clients write to, `user` the one that signs for them. `bound`: by grant,
 * what hosts have seen.
 */
export type Bunker = Readonly<{
  signer: NostrKey
  user: NostrKey
  terms: BookTerms
  bound: ReadonlyMap<GrantId, Bound>
}>

export const digestOfSecret = (secret: string): Digest => toHex(sha256(toUtf8(secret))) as Digest

function isHeldBy({ bound }: Bunker, { id, holder }: OwnerGrant, client: NostrKey): boolean {
  if (bound.get(id)?.ended === true) return false
  if (holder.kind === 'client') return holder.client === client
  return holder.kind === 'offer' && bound.get(id)?.client === client
}

/** `name`: under which it ends when the client logs out. */
type Holding = Readonly<{ name: GrantId; grant: OwnerGrant }>

const ownHoldings = (bunker: Bunker, client: NostrKey): Holding[] =>
  bunker.terms.grants.flatMap((grant) => (isHeldBy(bunker, grant, client) ? [{ name: grant.id, grant }] : []))

/** What a client has of grants that it holds itself and may hand on. */
export const handedBy = (bunker: Bunker, { by, handed }: HandOn): OwnerGrant[] =>
  ownHoldings(bunker, by).flatMap(({ grant }) => (grant.handsOn ? narrowed(grant, handed) : []))

const handedTo = (bunker: Bunker, client: NostrKey): Holding[] =>
  [...bunker.bound].flatMap(([name, { client: to, ended, handOn }]) =>
    handOn === null || ended || to !== client ? [] : handedBy(bunker, handOn).map((grant) => ({ name, grant })),
  )

/** What a client holds, itself or of another, until it logs out or the owner takes it back. */
export const holdingsOf = (bunker: Bunker, client: NostrKey): Holding[] => [
  ...ownHoldings(bunker, client),
  ...handedTo(bunker, client),
]

/** A client has a session as long as it holds something. */
export const grantsOf = (bunker: Bunker, client: NostrKey): OwnerGrant[] =>
  holdingsOf(bunker, client).map(({ grant }) => grant)

/** The grant that a secret is offered for: nobody has come with it yet. Also of one that is over. */
export function offerOf({ terms, bound }: Bunker, secret: string): OwnerGrant | null {
  const digest = digestOfSecret(secret)
  return (
    terms.grants.find(({ id, holder }) => holder.kind === 'offer' && holder.secret === digest && !bound.has(id)) ?? null
  )
}

/** Is it the secret by which the client came? */
export const cameWith = (bunker: Bunker, client: NostrKey, secret: string): boolean =>
  grantsOf(bunker, client).some(
    ({ holder }) =>
      (holder.kind === 'offer' && holder.secret === digestOfSecret(secret)) ||
      (holder.kind === 'client' && holder.greeting?.secret === secret),
  )
