import { bunkerRoutes } from '@quorate/shared/wire/routes/bunker'
import { enclaveRoutes } from '@quorate/shared/wire/routes/enclaves'
import { keygenRoutes } from '@quorate/shared/wire/routes/keygen'
import { keyRoutes } from '@quorate/shared/wire/routes/keys'
import { manifestRoutes } from '@quorate/shared/wire/routes/manifest'
import { refreshRoutes } from '@quorate/shared/wire/routes/refresh'
import type { Route } from '@quorate/shared/wire/routes/route'
import { sessionRoutes } from '@quorate/shared/wire/routes/sessions'
import { signingRoutes } from '@quorate/shared/wire/routes/signing'
import { togetherRoutes } from '@quorate/shared/wire/routes/together'
import * as z from 'zod'

const resources: readonly Readonly<{ name: string; description: string; routes: Readonly<Record<string, Route>> }>[] = [
  { name: 'sessions', description: 'Tokens, which reads want.', routes: sessionRoutes },
  {
    name: 'keygen',
    description: 'How a key comes to be: reserved, joined by its participants, made.',
    routes: keygenRoutes,
  },
  { name: 'keys', description: 'Keys that are made, as their hosts have certified them.', routes: keyRoutes },
  {
    name: 'signing',
    description: 'Requests for signatures, and what participants say to them.',
    routes: { ...signingRoutes, ...togetherRoutes },
  },
  { name: 'refresh', description: 'New shares of a key that stays the same.', routes: refreshRoutes },
  {
    name: 'bunker',
    description: "The NIP-46 signer of a key: its owners' books, what waits for them, its log.",
    routes: bunkerRoutes,
  },
  { name: 'enclaves', description: 'The enclaves, and how they prove what they run.', routes: enclaveRoutes },
  { name: 'manifest', description: 'Which images enclaves accept in each other.', routes: manifestRoutes },
]

/** The resources that routes are grouped by, in the order of the table. */
export const tags = resources.map(({ name, description }) => ({ name, description }))

/** The resource of a route. Throws for a route that belongs to none. */
export function tagOf(name: string): string {
  const resource = resources.find(({ routes }) => Object.hasOwn(routes, name))
  if (resource === undefined) throw new Error(`the route ${name} belongs to no resource of the description`)
  return resource.name
}

/** What follows from a route's row in the table, in sentences. */
export function describeRoute(route: Route): string {
  const { wants, body, repeatable, events, query } = route
  const waits = query instanceof z.core.$ZodObject && Object.hasOwn(query._zod.def.shape, 'wait')
  return [
    wants === 'reader'
      ? 'Needs a token for the key that the path belongs to. About another key it answers as about one that does not exist.'
      : 'Needs no token.',
    body &&
      (repeatable ? 'The same body again is the same act.' : 'Sent again with the same Idempotency-Key, it acts once.'),
    events &&
      'Server-sent events: a status each, with its version as id. `Last-Event-ID` goes on after it. A stream ends after minutes: ask again.',
    waits && 'Answers at once; with `wait`, when there is something new, or when the time is up.',
  ]
    .filter(Boolean)
    .join(' ')
}

/** What a parameter of a path or a query means: the same in every route. */
export const parameterWords: Readonly<Record<string, string>> = {
  keyId: 'The key',
  signingId: 'The request for signatures, by the id that its asker drew',
  refreshId: 'The refresh, by the id that its asker drew',
  enclaveId: 'The enclave, as `GET /enclaves` names it',
  eventId: "The program's event (NIP-01)",
  wait: 'How long the answer may be held back, at most 60 s',
  after: 'Only what is newer than this version, or stands behind this line',
  from: 'The first epoch to be answered with',
  limit: 'How many at most, 1 to 100',
  cursor: '`next` of the page before',
  nonce: '32 fresh random bytes, which the enclave signs',
}
