import * as z from 'zod/mini'
import type { RefusalCode } from '../../errors.ts'
import { Digest, EnclaveId, KeyId, RefreshId, SigningId } from '../ids.ts'

/** How long a waiting GET may take: `30s`, `500ms`; 60 s at most. Parsed to milliseconds. */
export const Wait = z
  .pipe(
    z.string().check(z.regex(/^\d{1,5}(ms|s)$/, 'for example 30s or 500ms')),
    z.transform((text) => Number.parseInt(text) * (text.endsWith('ms') ? 1 : 1_000)),
  )
  .check(
    z.refine((ms) => ms <= 60_000, 'at most 60s'),
    z.meta({ type: 'string', pattern: '^\\d{1,5}(ms|s)$', example: '30s', description: 'at most 60s' }),
  )

/** A number of a query, 0 to 999,999,999. */
export const wholeNumber = z
  .pipe(z.string().check(z.regex(/^\d{1,9}$/)), z.transform(Number))
  .check(z.meta({ type: 'string', pattern: '^\\d{1,9}$' }))

export const waiting = z.strictObject({
  wait: z.optional(Wait),
  /** Wait for a version above this one. Without it, `wait` waits for the end of the session. */
  after: z.optional(wholeNumber),
})

/** A query without parameters. */
export const none = z.strictObject({})

/** What a path may name between braces. A name means the same in all paths. */
const parameters = {
  keyId: KeyId,
  signingId: SigningId,
  refreshId: RefreshId,
  enclaveId: EnclaveId,
  eventId: Digest,
} as const
export type ParameterName = keyof typeof parameters

/** The names between the braces of a path: `'keyId' | 'refreshId'` for `/keys/{keyId}/refresh/{refreshId}`. */
type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never

/** The path itself, and `never` when it names a parameter that is not in the table. */
type Known<Path extends string> = [NamesIn<Path>] extends [ParameterName] ? Path : never

/** The schema of a path's parameters: one field for each name in it. */
type ParamsOf<Path extends string> = z.ZodMiniObject<
  { [N in NamesIn<Path> & ParameterName]: (typeof parameters)[N] },
  z.core.$strict
>

/**
 * Whom a route wants. `nobody`: whoever asks. `reader`: who sends a token (`Authorization: Bearer`) for the key that everything
 * in the path belongs to. The gateway holds each route to it (`gateway/src/http/principal.ts`).
 */
export type Want = 'nobody' | 'reader'

/** Bytes of the longest body of a request, unless its route says another. */
export const MAX_REQUEST = 256 << 10

/**
 * `longest`: bytes of its longest body, where `MAX_REQUEST` does not do.
 * `events`: answers with server-sent events of `reply`.
 * `repeatable`: a POST whose body names what it makes. The same body again is the same act, without an Idempotency-Key.
 */
export type Route = Readonly<{
  method: 'get' | 'post'
  path: string
  summary: string
  wants: Want
  events?: true
  repeatable?: true
  longest?: number
  /** Made from `path`. */
  params: z.ZodMiniObject
  query: z.ZodMiniType
  body: z.ZodMiniType | null
  reply: z.ZodMiniType
  errors: readonly RefusalCode[]
}>

/** What a route answers besides when its handler asks an enclave. */
export const ofEnclaves = [
  'enclave.unreachable',
  'enclave.locked',
  'enclave.busy',
  'enclave.timeout',
  'enclave.failed',
] as const satisfies readonly RefusalCode[]

/** Keeps the types of a route as they stand, and makes `params` from its path. Throws for a parameter that no table knows. */
export const route = <const R extends Omit<Route, 'params'>>(
  r: R & { path: Known<R['path']> },
): R & { readonly params: ParamsOf<R['path']> } => ({ ...r, params: paramsOf<R['path']>(r.path) })

function paramsOf<Path extends string>(path: Path): ParamsOf<Path> {
  const shape: Record<string, z.ZodMiniType> = {}
  const rest = writePath(path, (name) => {
    const schema = Object.hasOwn(parameters, name) ? parameters[name as ParameterName] : undefined
    if (schema === undefined) throw new Error(`no parameter of a path is called {${name}}: ${path}`)
    shape[name] = schema
    return ''
  })
  if (/[{}]/.test(rest)) throw new Error(`a brace without its other half: ${path}`)
  return z.strictObject(shape) as unknown as ParamsOf<Path>
}

/** The path with what `write` gives in the place of each parameter. */
export const writePath = (path: string, write: (name: string) => string): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => write(name))
