import { REMOTE_SIGNING } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import * as z from 'zod'

const Word = z.string().max(4_096)

/** What a relay says (NIP-01, NIP-42), as far as it concerns us. An event in it is nobody's word yet. */
const Frame = z.union([
  z.tuple([z.literal('EVENT'), Word, z.unknown()]).transform(([, subscription, event]) => ({
    type: 'event' as const,
    subscription,
    event,
  })),
  z.tuple([z.literal('OK'), Word, z.boolean(), Word.optional()]).transform(([, id, isTaken, why = '']) => ({
    type: 'ok' as const,
    id,
    isTaken,
    why,
  })),
  z.tuple([z.literal('EOSE'), Word]).transform(([, subscription]) => ({ type: 'eose' as const, subscription })),
  z.tuple([z.literal('CLOSED'), Word, Word.optional()]).transform(([, subscription, why = '']) => ({
    type: 'closed' as const,
    subscription,
    why,
  })),
  z.tuple([z.literal('AUTH'), z.string().min(1).max(256)]).transform(([, challenge]) => ({
    type: 'auth' as const,
    challenge,
  })),
])
export type Frame = z.output<typeof Frame>

/** Null for what says nothing to us. */
export function readFrame(text: string): Frame | null {
  try {
    return Frame.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

/** The machine-readable word before the colon (NIP-01). */
export const reasonOf = (why: string): string => /^([a-z-]+):/.exec(why)?.[1] ?? ''

export type Filter = Readonly<Record<string, unknown>>

/** Requests to these signers, from `since` (s) on. */
export const requestsTo = (signers: readonly NostrKey[], since: number): Filter => ({
  kinds: [REMOTE_SIGNING],
  '#p': signers,
  since,
})

export const write = {
  event: (event: object): string => JSON.stringify(['EVENT', event]),
  auth: (event: object): string => JSON.stringify(['AUTH', event]),
  request: (subscription: string, filter: Filter): string => JSON.stringify(['REQ', subscription, filter]),
  close: (subscription: string): string => JSON.stringify(['CLOSE', subscription]),
}
