import { EnclaveId } from '@quorate/shared/wire/ids'

const role = /^arn:(?:aws|aws-cn|aws-us-gov):iam::(\d{12}):role\/(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/

/**
 * Roles of one account by their whole ARNs, sorted. Throws a plain Error for none, for doubles, and for anything wider than a
 * role: a wildcard, the account's root (which hands the decision to IAM), a user.
 */
export function readRoles(arns: readonly string[], account: string, of: string): readonly string[] {
  if (!/^\d{12}$/.test(account)) throw new Error(`not an account id of twelve digits: ${account}`)
  if (arns.length === 0) throw new Error(`${of}: at least one role`)
  if (new Set(arns).size !== arns.length) throw new Error(`${of}: each role once`)
  for (const arn of arns) {
    if (/[*?]/.test(arn)) throw new Error(`${of}: a wildcard names nobody: ${arn}`)
    const [, owner] = role.exec(arn) ?? []
    if (owner === undefined) throw new Error(`${of}: not the ARN of a role: ${arn}`)
    if (owner !== account) throw new Error(`${of}: a role of another account: ${arn}`)
  }
  return arns.toSorted()
}

/** The ids of a fleet's enclaves, sorted: the key seals for these names only. Throws a plain Error. */
export function readEnclaveIds(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw new Error('enclaves: at least one id')
  if (new Set(ids).size !== ids.length) throw new Error('enclaves: each id once')
  const wrong = ids.find((id) => !EnclaveId.safeParse(id).success)
  if (wrong !== undefined) throw new Error(`enclaves: not an enclave id: ${wrong}`)
  return ids.toSorted()
}
