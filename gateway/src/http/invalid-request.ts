import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import * as z from 'zod'

const MAX_ISSUES = 16

/** A refusal that says more than its code. What was sent is not repeated, not even a field's name. */
export class ExplainedRefusal extends Refusal {
  readonly issues: readonly string[]

  constructor(code: RefusalCode, issues: readonly string[]) {
    super(code)
    this.issues = issues
  }
}

/** A request that does not fit its schema: where, and what was expected. */
export class InvalidRequest extends ExplainedRefusal {
  constructor(issues: readonly string[]) {
    super('request.invalid', issues)
  }
}

/** Parses one part of a request. Throws `InvalidRequest`. */
export function parsePart<T extends z.core.$ZodType>(
  schema: T,
  part: 'path' | 'query' | 'body',
  value: unknown,
): z.output<T> {
  const parsed = z.safeParse(schema, value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.slice(0, MAX_ISSUES)
  throw new InvalidRequest(
    issues.map((issue) => `${[part, ...issue.path.map(String)].join('.')}: ${expectation(issue)}`),
  )
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'a field that is not known here'
    case 'invalid_type':
      return `expected ${issue.expected}`
    case 'invalid_union':
      return 'none of the forms fits'
    case 'invalid_key':
    case 'invalid_element':
      return 'an entry does not fit'
    case 'too_big':
    case 'too_small':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_value':
    case 'custom':
      return issue.message
  }
}
