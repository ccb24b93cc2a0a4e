import type { OwnerGrant } from '../wire/bunker.ts'
import { caseOf, rules, type Asked, type Case, type Rule, type RuleName } from './rules.ts'
import { wishOf } from './wish.ts'

/** A rule that did not decide: the first of its conditions that does not hold, and what was found instead. */
export type Passed = Readonly<{ rule: RuleName; unmet: string; observed: string }>

/**
 * What becomes of a request, for the owner's log: the rule that decided, on what, and the rules that were asked before it. `ask`: the
 * client gets an `auth_url`, and the owner decides. `grant`: on which the client may.
 */
export type Decision = Readonly<{
  does: Rule['does']
  rule: RuleName
  grant: OwnerGrant | null
  observed: string
  passed: readonly Passed[]
}>

function passOver({ name, when }: Rule, of: Case): Passed | null {
  const unmet = when.find(({ holds }) => !holds(of))
  return unmet === undefined ? null : { rule: name, unmet: unmet.name, observed: unmet.observed(of) }
}

/** The one answer of one owner's book to whether a client may have this. Its event was verified, its request read. */
export function decide(asked: Asked): Decision {
  const of = caseOf(asked)
  const passed: Passed[] = []
  for (const rule of rules) {
    const pass = passOver(rule, of)
    if (pass === null) {
      const observed = (rule.observed ?? rule.when.at(-1)?.observed)?.(of) ?? wishOf(of.request)
      return { does: rule.does, rule: rule.name, grant: rule.grant?.(of) ?? null, observed, passed }
    }
    passed.push(pass)
  }
  throw new TypeError('the last rule has conditions')
}

/**
 * What the books of several owners come to, where `threshold` shares are needed. `approved`: who has said yes to this very request.
 * `rejected`: who has said no.
 */
export function together(
  decisions: ReadonlyMap<number, Decision>,
  {
    threshold,
    approved,
    rejected,
  }: Readonly<{ threshold: number; approved: readonly number[]; rejected: readonly number[] }>,
): Readonly<{ does: Rule['does']; willing: number[]; asking: number[] }> {
  const of = (does: Rule['does']) =>
    [...decisions].flatMap(([index, decision]) =>
      decision.does === does && !rejected.includes(index) && !approved.includes(index) ? [index] : [],
    )
  const willing = [...of('allow'), ...approved].sort((a, b) => a - b)
  const asking = of('ask').sort((a, b) => a - b)
  if (willing.length >= threshold) return { does: 'allow', willing, asking }
  return { does: willing.length + asking.length >= threshold ? 'ask' : 'refuse', willing, asking }
}
