import type { ConditionKey } from './condition-keys.ts'
import { matchesPattern } from './pattern.ts'

/** Whether a value of the call is the one that the policy wants. */
type Compare = (wanted: string, given: string) => boolean

type Comparison = Readonly<{ compare: Compare; types: readonly ConditionKey['type'][]; negated: boolean }>

const texts = ['string', 'arn'] as const
const comparison = (types: Comparison['types'], compare: Compare, negated = false): Comparison => ({
  types,
  compare,
  negated,
})

const equal: Compare = (wanted, given) => wanted === given
const equalIgnoringCase: Compare = (wanted, given) => wanted.toLowerCase() === given.toLowerCase()
const like: Compare = (wanted, given) => matchesPattern(wanted, given)
const byTime =
  (compare: (wanted: number, given: number) => boolean): Compare =>
  (wanted, given) =>
    compare(Date.parse(wanted), Date.parse(given))

/** Each of the six parts of an ARN is compared by itself, so that a wildcard does not reach over a colon. */
const arnLike: Compare = (wanted, given) => {
  const [patterns, parts] = [partsOf(wanted), partsOf(given)]
  return patterns.length === parts.length && patterns.every((pattern, at) => matchesPattern(pattern, parts[at] ?? ''))
}

const partsOf = (arn: string): string[] => {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

const comparisons: Readonly<Record<string, Comparison>> = {
  StringEquals: comparison(texts, equal),
  StringNotEquals: comparison(texts, equal, true),
  StringEqualsIgnoreCase: comparison(texts, equalIgnoringCase),
  StringNotEqualsIgnoreCase: comparison(texts, equalIgnoringCase, true),
  StringLike: comparison(texts, like),
  StringNotLike: comparison(texts, like, true),
  ArnEquals: comparison(['arn'], arnLike),
  ArnNotEquals: comparison(['arn'], arnLike, true),
  ArnLike: comparison(['arn'], arnLike),
  ArnNotLike: comparison(['arn'], arnLike, true),
  Bool: comparison(['bool'], equalIgnoringCase),
  DateEquals: comparison(
    ['date'],
    byTime((wanted, given) => given === wanted),
  ),
  DateNotEquals: comparison(
    ['date'],
    byTime((wanted, given) => given === wanted),
    true,
  ),
  DateLessThan: comparison(
    ['date'],
    byTime((wanted, given) => given < wanted),
  ),
  DateLessThanEquals: comparison(
    ['date'],
    byTime((wanted, given) => given <= wanted),
  ),
  DateGreaterThan: comparison(
    ['date'],
    byTime((wanted, given) => given > wanted),
  ),
  DateGreaterThanEquals: comparison(
    ['date'],
    byTime((wanted, given) => given >= wanted),
  ),
}

/** A condition operator as it is written: a comparison with what may stand before and behind it, or the test for absence. */
export type Operator =
  | Readonly<{ name: 'absent' }>
  | Readonly<{
      name: 'comparison'
      comparison: Comparison
      set: 'ForAllValues' | 'ForAnyValue' | null
      ifExists: boolean
    }>

/** Undefined for an operator that is not known here. */
export function readOperator(text: string): Operator | undefined {
  if (text === 'Null') return { name: 'absent' }
  const [, set = null, name = '', suffix] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(text) ?? []
  const found = Object.hasOwn(comparisons, name) ? comparisons[name] : undefined
  if (found === undefined) return undefined
  return {
    name: 'comparison',
    comparison: found,
    set: set as 'ForAllValues' | 'ForAnyValue' | null,
    ifExists: suffix !== undefined,
  }
}

/**
 * Whether a test holds for the values that a call has of its key, none when the key is absent (IAM user guide, "Condition operators"
 * and "Set operators"): without its key a comparison does not hold, and a negated one does.
 */
export function holds(operator: Operator, wanted: readonly string[], given: readonly string[]): boolean {
  if (operator.name === 'absent') return wanted.includes(String(given.length === 0))
  const { comparison, set, ifExists } = operator
  const { compare, negated } = comparison
  const fits = (value: string): boolean => wanted.some((one) => compare(one, value)) !== negated
  if (given.length === 0) return ifExists || (set === null ? negated : set === 'ForAllValues')
  return set === 'ForAnyValue' ? given.some(fits) : given.every(fits)
}
