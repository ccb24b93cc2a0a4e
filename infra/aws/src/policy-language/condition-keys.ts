/** What values a condition key has, and whether a call can have many of them at once. */
export type ConditionKey = Readonly<{ type: 'string' | 'arn' | 'date' | 'bool'; many: boolean }>

const one = (type: ConditionKey['type']): ConditionKey => ({ type, many: false })

/** The keys that a policy of a sealing key is made of, by their names in lower case: AWS ignores their case. */
const keys: readonly (readonly [RegExp, ConditionKey])[] = [
  [/^kms:recipientattestation:imagesha384$/, one('string')],
  [/^kms:recipientattestation:pcr([0-9]|[12][0-9]|3[01])$/, one('string')],
  [/^kms:encryptioncontext:.+$/, one('string')],
  [/^kms:encryptioncontextkeys$/, { type: 'string', many: true }],
  [/^aws:principalarn$/, one('arn')],
  [/^aws:currenttime$/, one('date')],
  [/^aws:securetransport$/, one('bool')],
]

/** Undefined for a key that is not known here. */
export const conditionKey = (name: string): ConditionKey | undefined =>
  keys.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1]
