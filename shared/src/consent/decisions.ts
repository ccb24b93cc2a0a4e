import type { Approval, Decision } from '../wire/consent.ts'

type Word = Pick<Approval['body'], 'decisions'>

/** Yes or no to all of so many items. */
export const decideAll = (items: readonly unknown[], decision: Decision): Decision[] => items.map(() => decision)

export const approvesAny = ({ decisions }: Word): boolean => decisions.includes('approve')
export const rejectsAny = ({ decisions }: Word): boolean => decisions.includes('reject')

export const sameDecisions = (one: Word, other: Word): boolean =>
  one.decisions.length === other.decisions.length &&
  one.decisions.every((decision, at) => decision === other.decisions[at])

/** Does a later word count in place of an earlier one of its owner? It says the same, or takes everything back. */
export const mayFollow = (earlier: Word, later: Word): boolean => sameDecisions(earlier, later) || !approvesAny(later)
