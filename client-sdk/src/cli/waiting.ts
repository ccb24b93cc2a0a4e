import type { Missed, WaitingFor } from '../signing/waiting-for.ts'
import { writeNumbers } from './item-numbers.ts'
import { field } from './terminal.ts'

const reasons: Readonly<Record<Missed, string>> = {
  foreign: 'spoke of something else',
  rejected: 'rejected it',
  over: 'the request is over',
  expired: 'the word has expired',
  uncovered: 'the grant does not cover it',
  silent: 'has not answered',
}

/** Whose consent a signing of so many items waits for; nothing once it has enough. */
export function waitingLines({ needed, shares }: WaitingFor, count: number): string[] {
  if (needed === 0) return []
  const which = (items: readonly number[]) =>
    items.length === count ? '' : `: ${writeNumbers(items.map((at) => at + 1))}`
  const names = shares.map(({ userId, why, items }) => `${userId} (${reasons[why]}${which(items)})`)
  return [field('waiting for', `${needed} of ${names.join(', ')}`)]
}
