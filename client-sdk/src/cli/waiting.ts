import type { Objection } from '@quorate/shared/consent/permits'
import type { WaitingFor } from '../signing/waiting-for.ts'
import { field } from './terminal.ts'

const reasons: Readonly<Record<Objection, string>> = {
  foreign: 'spoke of something else',
  rejected: 'rejected it',
  over: 'the request is over',
  expired: 'the word has expired',
  uncovered: 'the grant does not cover it',
  silent: 'has not answered',
}

/** Whose consent a signing waits for; nothing once it has enough. */
export function waitingLines({ needed, shares }: WaitingFor): string[] {
  if (needed === 0) return []
  const names = shares.map(({ userId, why }) => `${userId} (${reasons[why]})`)
  return [field('waiting for', `${needed} of ${names.join(', ')}`)]
}
