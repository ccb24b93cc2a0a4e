import type { OwnerGrant } from '../wire/bunker.ts'
import { hasPeer, isNear, isShort, secondsAhead } from './conditions.ts'
import { cameWith, grantsOf, handedBy, offerOf, type Bunker } from './clients.ts'
import type { HandOn } from '../nostr/hand-on.ts'
import type { NostrKey } from '../nostr/keys.ts'
import { methods, type Request } from '../nostr/methods.ts'
import { permitsKind } from '../nostr/permissions.ts'
import { peerOf, wishOf } from './wish.ts'

/** A request of a client, in the light of one book. `now` in ms. */
export type Asked = Readonly<{
  bunker: Bunker
  client: NostrKey
  request: Request
  /** What another client hands on, where that is what a `connect` says in place of a secret. */
  handOn?: HandOn | null
  now: number
}>

/** The same, with what the client holds by that book: all of it, and what is not over. */
export type Case = Asked & Readonly<{ held: readonly OwnerGrant[]; current: readonly OwnerGrant[] }>

export function caseOf(asked: Asked): Case {
  const held = grantsOf(asked.bunker, asked.client)
  return { ...asked, held, current: held.filter(({ expiresAt }) => asked.now < expiresAt) }
}

/** A condition, and the value that it looks at, in words. It never says a secret, or what is to be signed or encrypted. */
export type Condition<C = Case> = Readonly<{ name: string; holds: (of: C) => boolean; observed: (of: C) => string }>

/** All conditions of a rule hold, or the next rule is asked. `grant`: on which it stands. */
export type Rule = Readonly<{
  name: RuleName
  does: 'allow' | 'ask' | 'refuse'
  when: readonly Condition[]
  grant?: (of: Case) => OwnerGrant | null
  /** On what it decided; by default its last condition says it. */
  observed?: (of: Case) => string
}>

export type RuleName =
  | 'another_signer'
  | 'same_client'
  | 'offered_secret'
  | 'handed_on'
  | 'wrong_secret'
  | 'stranger'
  | 'no_session'
  | 'free_method'
  | 'another_author'
  | 'permitted'
  | 'owner_decides'
  | 'not_permitted'

const methodOf = ({ request }: Case): string => request.method
const wish = ({ request }: Case): string => wishOf(request)

const isConnect: Condition = {
  name: 'the method is connect',
  holds: ({ request }) => request.method === 'connect',
  observed: methodOf,
}

/** Clients name the signer, or the user that they know, or nobody. */
const namesAnother: Condition = {
  name: 'another key than the signer or the user is named',
  holds: ({ bunker, request }) =>
    request.method === 'connect' &&
    request.params.signer !== null &&
    ![bunker.signer, bunker.user].includes(request.params.signer),
  observed: ({ request }) => (request.method === 'connect' ? request.params.signer : null) ?? 'none',
}

const sessionOf = (of: Case): string => (of.current.length > 0 ? 'a session' : of.held.length > 0 ? 'over' : 'none')

const hasSession: Condition = {
  name: 'the client has a session',
  holds: (of) => of.current.length > 0,
  observed: (of) => `session: ${sessionOf(of)}`,
}

const hasNoSession: Condition = {
  name: 'the client has no session',
  holds: (of) => of.current.length === 0,
  observed: hasSession.observed,
}

type SecretState = 'none' | 'of this session' | 'open' | 'over' | 'unknown or used'

const secretOf = ({ request }: Case): string | null => (request.method === 'connect' ? request.params.secret : null)

/** What is offered for the secret of a `connect`, while it is open. */
export function openOffer(of: Case): OwnerGrant | null {
  const secret = secretOf(of)
  const grant = secret === null ? null : offerOf(of.bunker, secret)
  const isOpen = grant?.holder.kind === 'offer' && of.now < grant.holder.until && of.now < grant.expiresAt
  return isOpen ? grant : null
}

function secretState(of: Case): SecretState {
  const secret = secretOf(of)
  if (secret === null) return 'none'
  if (cameWith(of.bunker, of.client, secret)) return 'of this session'
  if (openOffer(of) !== null) return 'open'
  return offerOf(of.bunker, secret) === null ? 'unknown or used' : 'over'
}

const secretIs = (name: string, ...states: SecretState[]): Condition => ({
  name,
  holds: (of) => states.includes(secretState(of)),
  observed: (of) => `secret: ${secretState(of)}`,
})

const partsHanded = ({ bunker, handOn, now }: Case): OwnerGrant[] =>
  handOn == null ? [] : handedBy(bunker, handOn).filter(({ expiresAt }) => now < expiresAt)

const isHandedOn: Condition = {
  name: 'another client hands on what it may',
  holds: (of) => partsHanded(of).length > 0,
  observed: (of) => (of.handOn == null ? 'nothing is handed on' : `handed on by ${of.handOn.by}`),
}

const strangersAsk: Condition = {
  name: 'the owner is asked about clients without a secret',
  holds: ({ bunker }) => bunker.terms.strangers === 'ask',
  observed: ({ bunker }) => `strangers: ${bunker.terms.strangers}`,
}

const needsNoPermission: Condition = {
  name: 'the method needs no permission',
  holds: ({ request }) => methods[request.method].needs === 'session',
  observed: methodOf,
}

const isByAnother: Condition = {
  name: 'the event names another author than the user',
  holds: ({ bunker, request }) =>
    request.method === 'sign_event' && request.params.author !== null && request.params.author !== bunker.user,
  observed: ({ request }) => (request.method === 'sign_event' ? request.params.author : null) ?? 'no author',
}

/** Of one grant of the client. */
type Granted = Case & Readonly<{ grant: OwnerGrant }>

const lengthOf = ({ params }: Request): number => {
  if (params === null) return 0
  if ('event' in params) return params.event.content.length
  return 'message' in params ? params.message.length : 0
}

/** How far the date of an event is from now, in seconds: below 0 for what is past. */
const ahead = ({ request, now }: Case): number =>
  request.method === 'sign_event' ? secondsAhead(request.params.event.created_at, now) : 0

/** What a grant must say for what needs a permission. */
const covering: readonly Condition<Granted>[] = [
  {
    name: 'a grant has the permission',
    holds: ({ grant: { permissions }, request }) =>
      request.method === 'sign_event'
        ? permitsKind(permissions, request.params.event.kind)
        : (permissions.methods as readonly string[]).includes(request.method),
    observed: wish,
  },
  {
    name: 'the grant has the peer',
    holds: ({ grant, request }) => hasPeer(grant, peerOf(request)),
    observed: ({ request }) => peerOf(request) ?? 'none',
  },
  {
    name: 'the content is not longer than the grant says',
    holds: ({ grant, request }) => isShort(grant, lengthOf(request)),
    observed: ({ request }) => `${lengthOf(request)} characters`,
  },
  {
    name: 'the date is as near as the grant says',
    holds: (of) => isNear(of.grant, ahead(of)),
    observed: (of) => `${ahead(of)} s ahead`,
  },
]

/** How many of the conditions hold, from the first on. */
const reach = (of: Case, grant: OwnerGrant): number => {
  const unmet = covering.findIndex(({ holds }) => !holds({ ...of, grant }))
  return unmet === -1 ? covering.length : unmet
}

/** The client's grant that goes farthest towards what is asked for. */
function bestGrant(of: Case): OwnerGrant | null {
  const [first, ...rest] = of.current
  if (first === undefined) return null
  return rest.reduce((best, grant) => (reach(of, grant) > reach(of, best) ? grant : best), first)
}

const covers: readonly Condition[] = covering.map(({ name, holds, observed }) => {
  const ofBest =
    <T>(use: (of: Granted) => T, none: T) =>
    (of: Case) => {
      const grant = bestGrant(of)
      return grant === null ? none : use({ ...of, grant })
    }
  return { name, holds: ofBest(holds, false), observed: ofBest(observed, 'no grant') }
})

const ownerIsAsked: Condition = {
  name: 'the owner is asked about what is not permitted',
  holds: (of) => of.current.some(({ otherwise }) => otherwise === 'ask'),
  observed: (of) => `otherwise: ${of.current.some(({ otherwise }) => otherwise === 'ask') ? 'ask' : 'refuse'}`,
}

const noSecret = secretIs('no secret is given', 'none')
const knownSecret = secretIs('no secret is given, or that of the session', 'none', 'of this session')
const openSecret = secretIs('the secret is offered', 'open')
const anySecret = secretIs('a secret is given', 'of this session', 'open', 'over', 'unknown or used')

const firstGrant = (of: Case): OwnerGrant | null => of.current[0] ?? null

/** Asked in this order: the first whose conditions hold decides. The last one has none, so that one always does. */
export const rules: readonly Rule[] = [
  { name: 'another_signer', does: 'refuse', when: [isConnect, namesAnother] },
  { name: 'same_client', does: 'allow', when: [isConnect, hasSession, knownSecret], grant: firstGrant },
  { name: 'offered_secret', does: 'allow', when: [isConnect, openSecret], grant: openOffer },
  { name: 'handed_on', does: 'allow', when: [isConnect, isHandedOn], grant: (of) => partsHanded(of)[0] ?? null },
  { name: 'wrong_secret', does: 'refuse', when: [isConnect, anySecret] },
  { name: 'stranger', does: 'ask', when: [isConnect, noSecret, strangersAsk] },
  { name: 'no_session', does: 'refuse', when: [hasNoSession] },
  { name: 'free_method', does: 'allow', when: [needsNoPermission], grant: firstGrant },
  { name: 'another_author', does: 'refuse', when: [isByAnother] },
  { name: 'permitted', does: 'allow', when: covers, grant: bestGrant, observed: wish },
  { name: 'owner_decides', does: 'ask', when: [ownerIsAsked] },
  { name: 'not_permitted', does: 'refuse', when: [] },
]
