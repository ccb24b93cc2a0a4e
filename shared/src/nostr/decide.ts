import type { NostrKey } from './keys.ts'
import type { Request } from './methods.ts'
import { rules, wishOf, type Case, type Rule, type RuleName } from './rules.ts'
import type { Bunker } from './sessions.ts'

/** A rule that did not decide: the first of its conditions that does not hold, and what was found instead. */
export type Passed = Readonly<{ rule: RuleName; unmet: string; observed: string }>

/**
 * What becomes of a request, for the owner's log: the rule that decided, on what, and the rules that were asked before it. `ask`: the
 * client gets an `auth_url`, and the owner decides.
 */
export type Decision = Readonly<{ does: Rule['does']; rule: RuleName; observed: string; passed: readonly Passed[] }>

function passOver({ name, when }: Rule, of: Case): Passed | null {
  const unmet = when.find(({ holds }) => !holds(of))
  return unmet === undefined ? null : { rule: name, unmet: unmet.name, observed: unmet.observed(of) }
}

/** The one answer to whether a client may have this. Its event was verified and admitted, its request read. `now` in ms. */
export function decide(bunker: Bunker, client: NostrKey, request: Request, now: number): Decision {
  const of: Case = { bunker, client, request, now }
  const passed: Passed[] = []
  for (const rule of rules) {
    const pass = passOver(rule, of)
    if (pass === null) {
      const observed = rule.when.at(-1)?.observed(of) ?? wishOf(of)
      return { does: rule.does, rule: rule.name, observed, passed }
    }
    passed.push(pass)
  }
  throw new TypeError('the last rule has conditions')
}
