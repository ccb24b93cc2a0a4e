import { openLogLine } from '@quorate/shared/crypto/bunker-secrets'
import { Refusal } from '@quorate/shared/errors'
import { isFreshEvent } from '@quorate/shared/nostr/arrival'
import type { Envelope } from '@quorate/shared/nostr/event'
import { saidBy } from '@quorate/shared/verify/bunker'
import { LIFETIME } from '@quorate/shared/verify/client-request'
import type { LogEntry } from '@quorate/shared/wire/bunker'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'

/** Does a host of the key say by this line of its log that it has laid the event out for its owners? It took it when it was fresh. */
async function isLaidOut({ vault }: Parts, key: HeldKey, event: Envelope, entry: LogEntry): Promise<boolean> {
  if ((await saidBy(key, 'log-entry', entry)) === null) return false
  const { keyId } = key.certificate.roster.skeleton
  try {
    const line = vault.lend(keyId, key.index, ({ sessionSecret }) => openLogLine(sessionSecret, entry))
    return line.outcome === 'asked' && line.event === event.id
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/**
 * An event that has just been written counts, and so does one that waits for its owners, for an hour. Any other may have been kept back, to
 * be brought now. Throws `nostr.event_stale`.
 */
export async function requireTimely(
  parts: Parts,
  key: HeldKey,
  event: Envelope,
  laidOut: LogEntry | null,
): Promise<void> {
  const now = parts.clock()
  if (isFreshEvent(event.created_at, now)) return
  const counts = now < event.created_at * 1_000 + LIFETIME
  if (!counts || laidOut === null || !(await isLaidOut(parts, key, event, laidOut)))
    throw new Refusal('nostr.event_stale')
}
