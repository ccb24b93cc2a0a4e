import { z } from 'zod'
import type { RefusalCode } from '../../errors.ts'

/** How long a waiting GET may take: `30s`, `500ms`; 60 s at most. Parsed to milliseconds. */
export const Wait = z
  .string()
  .regex(/^\d{1,5}(ms|s)$/, 'for example 30s or 500ms')
  .transform((text) => Number.parseInt(text) * (text.endsWith('ms') ? 1 : 1_000))
  .refine((ms) => ms <= 60_000, 'at most 60s')
  .meta({ type: 'string', example: '30s' })

/** A number of a query, 0 to 999,999,999. */
export const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number)
  .meta({ type: 'string' })

export const waiting = z.strictObject({
  wait: Wait.optional(),
  /** Wait for a version above this one. Without it, `wait` waits for the end of the session. */
  after: wholeNumber.optional(),
})

/** Nothing in the path, or nothing in the query. */
export const none = z.strictObject({})

/**
 * `token`: needs `Authorization: Bearer` with a token for this key. `events`: answers with server-sent events of `reply`.
 * `repeatable`: a POST whose body names what it makes, so that the same body again is the same act without an Idempotency-Key.
 */
export type Route = Readonly<{
  method: 'get' | 'post'
  path: string
  summary: string
  auth: 'none' | 'token'
  events?: true
  repeatable?: true
  params: z.ZodType
  query: z.ZodType
  body: z.ZodType | null
  reply: z.ZodType
  errors: readonly RefusalCode[]
}>

/** Keeps the types of each route as they stand. */
export const route = <const R extends Route>(r: R): R => r
