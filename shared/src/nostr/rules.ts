import type { Bunker, Session } from './sessions.ts'
import { isFull, mostSessions, offerOf, digestOfSecret, sessionOf } from './sessions.ts'
import type { NostrKey } from './keys.ts'
import { methods, type Request } from './methods.ts'
import { permitsKind } from './permissions.ts'

/** A request of a client, with all that rules look at. `now` in ms. */
export type Case = Readonly<{ bunker: Bunker; client: NostrKey; request: Request; now: number }>

/** A condition, and the value that it looks at, in words. It never says a secret, or what is to be signed or encrypted. */
export type Condition = Readonly<{ name: string; holds: (of: Case) => boolean; observed: (of: Case) => string }>

/** All conditions of a rule hold, or the next rule is asked. */
export type Rule = Readonly<{ name: RuleName; does: 'allow' | 'ask' | 'refuse'; when: readonly Condition[] }>

export type RuleName =
  | 'another_signer'
  | 'same_client'
  | 'too_many_clients'
  | 'offered_secret'
  | 'wrong_secret'
  | 'stranger'
  | 'no_session'
  | 'free_method'
  | 'another_author'
  | 'permitted'
  | 'owner_decides'
  | 'not_permitted'

const session = ({ bunker, client }: Case): Session | null => sessionOf(bunker, client)
const methodOf = ({ request }: Case): string => request.method

/** What is asked for, as permissions are written. */
export const wishOf = ({ request }: Case): string =>
  request.method === 'sign_event' ? `sign_event:${request.params.event.kind}` : request.method

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

const hasSession: Condition = {
  name: 'the client has a session',
  holds: (of) => session(of) !== null,
  observed: (of) => (session(of) === null ? 'no session' : 'a session'),
}

const hasNoSession: Condition = {
  name: 'the client has no session',
  holds: (of) => session(of) === null,
  observed: hasSession.observed,
}

const noRoom: Condition = {
  name: `there are ${mostSessions} sessions`,
  holds: ({ bunker }) => isFull(bunker),
  observed: ({ bunker }) => `${Object.keys(bunker.sessions).length} sessions`,
}

type SecretState = 'none' | 'of this session' | 'open' | 'over' | 'unknown or used'

function secretState(of: Case): SecretState {
  const secret = of.request.method === 'connect' ? of.request.params.secret : null
  if (secret === null) return 'none'
  if (session(of)?.secret === digestOfSecret(secret)) return 'of this session'
  const offer = offerOf(of.bunker, secret)
  if (offer === null) return 'unknown or used'
  return of.now < offer.expiresAt ? 'open' : 'over'
}

const secretIs = (name: string, ...states: SecretState[]): Condition => ({
  name,
  holds: (of) => states.includes(secretState(of)),
  observed: (of) => `secret: ${secretState(of)}`,
})

const strangersAsk: Condition = {
  name: 'the owner is asked about clients without a secret',
  holds: ({ bunker }) => bunker.strangers === 'ask',
  observed: ({ bunker }) => `strangers: ${bunker.strangers}`,
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

function isGranted(of: Case): boolean {
  const permissions = session(of)?.terms.permissions
  if (permissions === undefined) return false
  const { request } = of
  if (request.method === 'sign_event') return permitsKind(permissions, request.params.event.kind)
  return (permissions.methods as readonly string[]).includes(request.method)
}

const isPermitted: Condition = { name: 'the session has the permission', holds: isGranted, observed: wishOf }

const ownerIsAsked: Condition = {
  name: 'the owner is asked about what is not permitted',
  holds: (of) => session(of)?.terms.otherwise === 'ask',
  observed: (of) => `otherwise: ${session(of)?.terms.otherwise ?? 'refuse'}`,
}

const noSecret = secretIs('no secret is given', 'none')
const knownSecret = secretIs('no secret is given, or that of the session', 'none', 'of this session')
const openSecret = secretIs('the secret is offered', 'open')
const anySecret = secretIs('a secret is given', 'of this session', 'open', 'over', 'unknown or used')

/** Asked in this order: the first whose conditions hold decides. The last one has none, so that one always does. */
export const rules: readonly Rule[] = [
  { name: 'another_signer', does: 'refuse', when: [isConnect, namesAnother] },
  { name: 'same_client', does: 'allow', when: [isConnect, hasSession, knownSecret] },
  { name: 'too_many_clients', does: 'refuse', when: [isConnect, hasNoSession, noRoom] },
  { name: 'offered_secret', does: 'allow', when: [isConnect, openSecret] },
  { name: 'wrong_secret', does: 'refuse', when: [isConnect, anySecret] },
  { name: 'stranger', does: 'ask', when: [isConnect, noSecret, strangersAsk] },
  { name: 'no_session', does: 'refuse', when: [hasNoSession] },
  { name: 'free_method', does: 'allow', when: [needsNoPermission] },
  { name: 'another_author', does: 'refuse', when: [isByAnother] },
  { name: 'permitted', does: 'allow', when: [isPermitted] },
  { name: 'owner_decides', does: 'ask', when: [ownerIsAsked] },
  { name: 'not_permitted', does: 'refuse', when: [] },
]
