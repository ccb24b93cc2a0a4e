import type { KeyPolicy, Statement } from '../../src/key-policy/key-policy.ts'

/** One call to KMS as its policy language sees it. A condition key that is absent has no entry. */
export type Call = Readonly<{
  principal: string
  action: string
  keys: Readonly<Record<string, string | readonly string[]>>
}>

type Values = readonly string[]
type Operator = (wanted: Values, given: Values) => boolean

const listOf = (value: string | readonly string[] | undefined): Values =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value

/** As the IAM user guide has them. An operator that is not here fails the test that meets it. */
const operators: Readonly<Record<string, Operator>> = {
  StringEquals: (wanted, given) => given.some((value) => wanted.includes(value)),
  'ForAllValues:StringEquals': (wanted, given) => given.every((value) => wanted.includes(value)),
  StringEqualsIgnoreCase: (wanted, given) =>
    given.some((value) => wanted.some((one) => one.toLowerCase() === value.toLowerCase())),
  Null: (wanted, given) => wanted.includes(String(given.length === 0)),
  DateLessThan: (wanted, given) => given.some((value) => wanted.some((one) => Date.parse(value) < Date.parse(one))),
}

/** Explicit deny, then explicit allow, then nothing. */
export function allows(policy: KeyPolicy, call: Call): boolean {
  const applying = policy.Statement.filter((statement) => applies(statement, call))
  return applying.length > 0 && applying.every(({ Effect }) => Effect === 'Allow')
}

function applies({ Principal, Action, Condition = {} }: Statement, { principal, action, keys }: Call): boolean {
  const principals = listOf(Principal.AWS)
  if (!principals.includes('*') && !principals.includes(principal)) return false
  if (!Action.some((pattern) => matches(pattern, action))) return false
  return Object.entries(Condition).every(([operator, tests]) =>
    Object.entries(tests).every(([key, wanted]) => {
      const holds = operators[operator]
      if (holds === undefined) throw new Error(`no such operator: ${operator}`)
      return holds(listOf(wanted), listOf(keys[key]))
    }),
  )
}

const matches = (pattern: string, action: string): boolean =>
  pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : pattern === action
