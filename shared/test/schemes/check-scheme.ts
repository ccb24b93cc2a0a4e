import { it } from 'vitest'
import {
  namesWhoCannotBeRead,
  namesWhoFlipsABit,
  namesWhoSendsOthersMessages,
  namesWhoSwapsReceivers,
  refusesOtherListsOfMessages,
} from './cheats.ts'
import { dealsWholeKeys, needsItsThreshold } from './dealing.ts'
import {
  fitsWhatItSays,
  hasTheLengthsItSays,
  isMadeAsItSays,
  loadsOwnSharesOnly,
  refreshesForGood,
  refusesWrongLengths,
  signsWithEveryQuorum,
  tweaksIfItSays,
  verifiesAsPublished,
} from './facts.ts'
import { dealsOnce, refreshesOnce, signsOnce } from './once.ts'
import {
  joinsQuorumsOnly,
  namesWhoCommitsAnew,
  namesWhoCommitsToNothing,
  namesWhoSendsWrongPartials,
  namesWhoSignsAnother,
  refusesOtherCommitments,
} from './signing-cheats.ts'
import { hasChildrenIfItSays } from './children.ts'
import { hasSubgroupsIfItSays, signsWithAllOfASubgroup } from './subgroups.ts'
import type { MakeName } from '../../src/schemes/table.ts'
import type { Subject } from './subject.ts'

/** What is asked of every scheme. Each check throws if the scheme does not hold it. */
const checks = {
  'verifies and refuses published signatures': verifiesAsPublished,
  'makes keys as it says': isMadeAsItSays,
  'fits the sizes that it says, and no others': fitsWhatItSays,
  'has keys and signatures of the lengths that it says': hasTheLengthsItSays,
  'tweaks its key if it says so': tweaksIfItSays,
  'has children that sign if it says so': hasChildrenIfItSays,
  'makes keys that sign, also refreshed, with every quorum': signsWithEveryQuorum,
  'deals whole keys that sign with every quorum': dealsWholeKeys,
  'takes no key that needs fewer shares than it says': needsItsThreshold,
  'refreshes shares so that no earlier one signs': refreshesForGood,
  'loads no share but a participant’s own': loadsOwnSharesOnly,
  'refuses shares and public keys of another length': refusesWrongLengths,
  'names who makes a key with messages that cannot be read': namesWhoCannotBeRead,
  'names who makes a key with messages of others': namesWhoSendsOthersMessages,
  'names who makes a key with a bit flipped': namesWhoFlipsABit,
  'names who swaps the receivers of two messages': namesWhoSwapsReceivers,
  'refuses other lists of messages and blames nobody': refusesOtherListsOfMessages,
  'names who commits to what cannot be read': namesWhoCommitsToNothing,
  'names who commits to what is not its own': namesWhoCommitsAnew,
  'names who sends a wrong partial': namesWhoSendsWrongPartials,
  'names who signs another message': namesWhoSignsAnother,
  'refuses other lists of commitments': refusesOtherCommitments,
  'joins the partials of a quorum only': joinsQuorumsOnly,
  'has keys of sub-groups if it says so': hasSubgroupsIfItSays,
  'signs with all of a sub-group': signsWithAllOfASubgroup,
  'makes a key once of what it drew once': dealsOnce,
  'refreshes once with what it drew once': refreshesOnce,
  'signs once with a nonce': signsOnce,
} as const satisfies Record<string, (subject: Subject) => void>

export type CheckName = keyof typeof checks
const checkNames = Object.keys(checks) as CheckName[]

/** What is asked only of schemes whose keys come about so. */
const onlyWhere: { readonly [C in CheckName]?: MakeName } = {
  'deals whole keys that sign with every quorum': 'deal',
  'refreshes shares so that no earlier one signs': 'refresh',
  'names who swaps the receivers of two messages': 'dkg',
  'makes a key once of what it drew once': 'dkg',
  'refreshes once with what it drew once': 'refresh',
}

const asks = ({ facts }: Subject, name: CheckName): boolean => {
  const make = onlyWhere[name]
  return make === undefined || facts.makes.includes(make)
}

/** The suite: a test for each check. Stands in a `describe` of its scheme. */
export const checkScheme = (subject: Subject): void =>
  it.each(checkNames.filter((name) => asks(subject, name)))('%s', (name) => checks[name](subject))

/** Those of some checks that a scheme does not hold. */
export const failedChecks = (subject: Subject, some: readonly CheckName[]): CheckName[] =>
  some.filter((name) => {
    try {
      checks[name](subject)
      return false
    } catch {
      return true
    }
  })
