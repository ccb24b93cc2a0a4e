import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { holders } from '../errors.ts'
import { Index } from './ids.ts'
import { RequestId } from './request-id.ts'
import { Failure } from './status.ts'

/** `application/problem+json` (RFC 9457). `type` is the code behind `/docs#`. */
export const Problem = z.object({
  type: Text,
  title: Text,
  status: z.int(),
  code: Failure.shape.code,
  retry: z.enum(['never', 'same_request', 'new_session']),
  culprits: z.optional(z.array(Index)),
  /** Whose bound is reached. */
  bound: z.optional(z.enum(holders)),
  /** Where the request does not fit its schema: paths and what was expected, never what was sent. */
  issues: z.optional(z.array(Text)),
  /** As `x-request-id` says it. */
  requestId: z.optional(RequestId),
})
export type Problem = z.infer<typeof Problem>
