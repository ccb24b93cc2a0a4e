import { Refusal, refusals, type RefusalCode } from '@quorate/shared/errors'
import type { KeyId, RefreshId, SigningId } from '@quorate/shared/wire/ids'
import type { ParameterName, Route, Want } from '@quorate/shared/wire/routes/route'
import type { Coordinator } from '../commands/ports.ts'
import type { Tokens } from './tokens.ts'

/**
 * Who asks, as far as the gateway knows. `reader`: holds a token for this key. Accounts, hosts and operators join this union
 * together with the first route that wants them (ADR 16).
 */
export type Principal = Readonly<{ kind: 'nobody' } | { kind: 'reader'; keyId: KeyId }>

/** The parameters of a path, after its schema. */
export type PathParams = Readonly<Partial<Record<ParameterName, unknown>>>

/** Somebody who has been let in. `mayReach` rejects with the route's 404 unless what the path names belongs to this principal. */
export type Admitted = Readonly<{ principal: Principal; mayReach: (params: PathParams) => Promise<void> }>

/** Finds out who asks, by the Authorization header. Rejects with `request.unauthorized`. */
export type Guard = (authorization: string | undefined) => Promise<Admitted>

/**
 * Who may use which route: for each kind of principal that a route can want, the guard of such a route. Throws for a route
 * that it cannot guard, so that no gateway starts with one.
 */
export type WhoMay = Readonly<Record<Want, (route: Route) => Guard>>

/** The key that an object belongs to. Rejects when there is no such object. */
type KeyOf = (id: never) => Promise<KeyId>

export function createWhoMay(
  tokens: Pick<Tokens, 'verify'>,
  follow: Pick<Coordinator['follow'], 'signing' | 'refresh'>,
): WhoMay {
  const keyOf: Readonly<Record<ParameterName, KeyOf | null>> = {
    keyId: (id: KeyId) => Promise.resolve(id),
    signingId: async (id: SigningId) => (await follow.signing.status(id)).keyId,
    refreshId: async (id: RefreshId) => (await follow.refresh.status(id)).keyId,
    enclaveId: null,
    eventId: null,
  }
  return {
    nobody: () => () => Promise.resolve({ principal: { kind: 'nobody' }, mayReach: () => Promise.resolve() }),

    reader(route) {
      const owned = Object.keys(route.params.shape) as ParameterName[]
      const lookups = owned.map(
        (name) => [name, keyOf[name] ?? unguarded(route, `{${name}} belongs to no key`)] as const,
      )
      if (lookups.length === 0) unguarded(route, 'its path names nothing that belongs to a key')
      const missing = missingCode(route)
      return async (authorization) => {
        const keyId = await tokens.verify(authorization)
        const mayReach = async (params: PathParams): Promise<void> => {
          for (const [name, lookup] of lookups) {
            const owner = await lookup(params[name] as never).catch(nullIfMissing)
            if (owner !== keyId) throw new Refusal(missing)
          }
        }
        return { principal: { kind: 'reader', keyId }, mayReach }
      }
    },
  }
}

/** What the route answers about an object that does not exist, and so about an object of another key. */
const missingCode = (route: Route): RefusalCode =>
  route.errors.find(isMissing) ?? unguarded(route, 'it has no refusal for an object that does not exist')

const isMissing = (code: RefusalCode): boolean => refusals[code].status === 404

function nullIfMissing(reason: unknown): null {
  if (reason instanceof Refusal && isMissing(reason.code)) return null
  throw reason
}

function unguarded({ method, path }: Route, why: string): never {
  throw new Error(`${method.toUpperCase()} ${path} wants a reader, and cannot be guarded: ${why}`)
}
