import { refusals, type Refusal } from '@quorate/shared/errors'
import type { Problem } from '@quorate/shared/wire/problem'
import { ExplainedRefusal } from './invalid-request.ts'

/** A finished answer. `retryAfter` in seconds. `remember`: the same request would get it again, so that an Idempotency-Key may keep it. */
export type Reply = Readonly<{ status: number; body: string; remember: boolean; retryAfter?: number | null }>

export const PROBLEM_TYPE = 'application/problem+json'

/** RFC 9457. Nothing of the request stands in it but, for a schema error, the paths where it does not fit, or what else explains it. */
export function toProblem(refusal: Refusal): Reply {
  const { code, culprits, bound } = refusal
  const { status, title, retry } = refusals[code]
  const problem: Problem = { type: `/docs#${code}`, title, status, code, retry }
  if (culprits.length > 0) problem.culprits = [...culprits]
  if (bound !== null) problem.bound = bound.of
  if (refusal instanceof ExplainedRefusal) problem.issues = [...refusal.issues]
  const retryAfter = bound === null ? (status === 503 ? 1 : null) : bound.retryAfter
  return { status, body: JSON.stringify(problem), remember: status < 500 && retry !== 'same_request', retryAfter }
}
