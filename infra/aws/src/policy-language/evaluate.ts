import type { Policy, Rule } from './document.ts'
import { holds } from './operators.ts'
import { matchesPattern } from './pattern.ts'

/** One call as its policy sees it. `principal`: the ARN of the role or user. A condition key that is absent has no entry. */
export type Call = Readonly<{
  principal: string
  action: string
  keys: Readonly<Record<string, string | readonly string[]>>
}>

/** An explicit deny wins, then an explicit allow counts, and nothing else does (IAM user guide, "Policy evaluation logic"). */
export function allows({ rules }: Policy, call: Call): boolean {
  const given = new Map(Object.entries(call.keys).map(([key, values]) => [key.toLowerCase(), listOf(values)]))
  const applying = rules.filter((rule) => applies(rule, call, given))
  return applying.length > 0 && applying.every(({ effect }) => effect === 'Allow')
}

const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value)

function applies(rule: Rule, { principal, action }: Call, given: ReadonlyMap<string, readonly string[]>): boolean {
  if (rule.principals !== null && !rule.principals.includes(principal)) return false
  if (rule.actions.some((pattern) => matchesPattern(pattern, action.toLowerCase())) === rule.otherActions) return false
  return rule.tests.every(({ operator, key, values }) => holds(operator, values, given.get(key) ?? []))
}
