import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Context } from '../context.ts'
import { refuse } from '../errors.ts'
import { verifiedKey, type Key } from '../key.ts'
import type { Member } from '../naming.ts'
import { Refresh } from './refresh.ts'
import { secondRequest, writeRefreshRequest } from './request.ts'

export type RefreshTimes = Readonly<{ expiresIn?: number | undefined }>

/** How long a request for a refresh waits for hosts when nothing is said. ms */
const REFRESH_TIME = 3_600_000

/** A request for new shares of a key, signed and not sent. Throws `epoch.stale`. */
export async function draftRefresh(
  { known, now }: Pick<Context, 'known' | 'now'>,
  key: Key,
  asker: Member,
  { expiresIn = REFRESH_TIME }: RefreshTimes,
): Promise<RefreshRequest> {
  known.requireCurrent(key)
  const askedAt = now()
  return writeRefreshRequest(key, asker, { askedAt, expiresAt: askedAt + expiresIn })
}

/** The request of another, with the own word. Throws `refresh.request_invalid`, `epoch.stale`. */
export async function secondRefresh(
  { known, now }: Pick<Context, 'known' | 'now'>,
  key: Key,
  me: Member,
  request: RefreshRequest,
): Promise<RefreshRequest> {
  known.requireCurrent(key)
  return secondRequest(key, request, me, now())
}

/** Sends a request that verifies. Throws as `verifyRefreshRequest`. */
export async function sendRefresh(
  context: Context,
  key: Key,
  request: RefreshRequest,
  signal?: AbortSignal,
): Promise<Refresh> {
  await verifyRefreshRequest(verifiedKey(key), request, context.now())
  const { keyId } = key
  const status = await context.client.call('requestRefresh', { params: { keyId }, body: request, signal })
  if (status.refreshId !== request.body.refreshId) return refuse('reply.mismatch')
  return new Refresh(context, key, request)
}
