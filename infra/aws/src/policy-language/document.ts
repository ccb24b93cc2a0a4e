import * as z from 'zod'
import { conditionKey } from './condition-keys.ts'
import { readOperator, type Operator } from './operators.ts'

/** One test of a condition. `key` in lower case. */
type Test = Readonly<{ operator: Operator; key: string; values: readonly string[] }>

/** `principals` null: everybody. `otherActions`: all but these. */
export type Rule = Readonly<{
  effect: 'Allow' | 'Deny'
  principals: readonly string[] | null
  actions: readonly string[]
  otherActions: boolean
  tests: readonly Test[]
}>

/** A policy that was understood to the last word. */
export type Policy = Readonly<{ rules: readonly Rule[] }>

/** A list of which one alone may stand by itself. */
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess((given): unknown[] => (Array.isArray(given) ? (given as unknown[]) : [given]), z.array(item).min(1))
const Value = z.union([z.string(), z.boolean().transform(String)])

const Statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.preprocess((given) => (given === '*' ? { AWS: '*' } : given), z.strictObject({ AWS: list(z.string()) })),
  Action: list(z.string()).optional(),
  NotAction: list(z.string()).optional(),
  Resource: list(z.literal('*')),
  Condition: z.record(z.string(), z.record(z.string(), list(Value))).default({}),
})

const Document = z.strictObject({
  Version: z.literal('2012-10-17'),
  Id: z.string().optional(),
  Statement: list(Statement),
})

const role = /^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/

/**
 * Reads a key policy (IAM user guide, "JSON policy elements"; KMS developer guide, "Key policies"): roles and users as principals,
 * `Resource` `*`, which is the key itself, and the conditions of condition-keys.ts and operators.ts. Whatever else stands in it
 * could change its meaning, so that it throws a plain Error which names it.
 */
export function readPolicy(document: unknown): Policy {
  const parsed = Document.safeParse(document)
  if (!parsed.success) throw new Error(`not a key policy that is understood here:\n${z.prettifyError(parsed.error)}`)
  return { rules: parsed.data.Statement.map(readStatement) }
}

function readStatement(statement: z.infer<typeof Statement>): Rule {
  const { Sid = 'a statement', Effect, Principal, Action, NotAction, Condition } = statement
  const refuse = (what: string): never => {
    throw new Error(`${Sid}: ${what}`)
  }
  const actions = Action ?? NotAction
  if (actions === undefined || (Action !== undefined && NotAction !== undefined))
    return refuse('either Action or NotAction')
  const tests = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => readTest(operator, key, values, refuse)),
  )
  return {
    effect: Effect,
    principals: readPrincipals(Principal.AWS, refuse),
    actions: readActions(actions, refuse),
    otherActions: Action === undefined,
    tests,
  }
}

type Refuse = (what: string) => never

function readPrincipals(names: readonly string[], refuse: Refuse): readonly string[] | null {
  if (names.includes('*')) return null
  const wrong = names.find((name) => !role.test(name))
  return wrong === undefined ? names : refuse(`neither a role nor a user: ${wrong}`)
}

function readActions(names: readonly string[], refuse: Refuse): readonly string[] {
  const wrong = names.find((name) => name !== '*' && !/^kms:[\w*?]+$/i.test(name))
  return wrong === undefined ? names.map((name) => name.toLowerCase()) : refuse(`not an action of KMS: ${wrong}`)
}

function readTest(name: string, key: string, values: readonly string[], refuse: Refuse): Test {
  const operator = readOperator(name) ?? refuse(`no such operator: ${name}`)
  const known = conditionKey(key) ?? refuse(`no such condition key: ${key}`)
  const variable = values.find((value) => value.includes('${'))
  if (variable !== undefined) refuse(`policy variables are not understood: ${variable}`)
  const ofBool = operator.name === 'absent' || known.type === 'bool'
  if (ofBool && values.some((value) => !/^(true|false)$/i.test(value))) refuse(`${name} takes true or false`)
  if (operator.name === 'comparison') {
    const { comparison, set } = operator
    if (!comparison.types.includes(known.type)) refuse(`${name} does not compare values of ${key}`)
    if (known.many !== (set !== null))
      refuse(`${key} has ${known.many ? 'many values' : 'one value'}: ${name} does not fit`)
    if (known.type === 'date' && values.some((value) => Number.isNaN(Date.parse(value)))) refuse(`${name} takes dates`)
  }
  const lower = ofBool ? values.map((value) => value.toLowerCase()) : values
  return { operator, key: key.toLowerCase(), values: lower }
}
