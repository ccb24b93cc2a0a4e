import { sealPending } from '@quorate/shared/crypto/bunker-secrets'
import { sendToPage } from '@quorate/shared/nostr/nip46'
import { wishOf } from '@quorate/shared/bunker/wish'
import { LIFETIME } from '@quorate/shared/verify/client-request'
import type { PendingRequest, Taken } from '@quorate/shared/wire/bunker'
import type { Parts } from '../parts.ts'
import { respond } from './answer.ts'
import { lineOf } from './log-lines.ts'
import { signingOf, type Taking } from './taking.ts'

/** So many characters of a message a person is shown. */
const SHOWN = 2_000

function messageOf({ request: { method, params } }: Taking): PendingRequest['message'] {
  if (!method.endsWith('_encrypt') || params === null || !('message' in params)) return null
  const characters = Array.from(params.message)
  return { text: characters.slice(0, SHOWN).join(''), characters: characters.length }
}

/** A request that waits, as its owners will read it. */
function pendingOf(taking: Taking): PendingRequest {
  const { event, request, ask } = taking
  const askedAt = event.created_at * 1_000
  return {
    event: event.id,
    client: event.pubkey,
    method: request.method,
    wish: wishOf(request),
    metadata: request.method === 'connect' ? request.params.metadata : null,
    item: ask?.item ?? null,
    message: messageOf(taking),
    askedAt,
    expiresAt: askedAt + LIFETIME,
  }
}

/** The page of the first owner that names one. Each request has an address of its own there. */
function pageFor({ bunker }: Parts, { key, event }: Taking, owners: readonly number[]): string | null {
  const books = bunker.books.of(key.lineage)
  const [page] = owners.flatMap((index) => books.get(index)?.terms.page ?? [])
  if (page === undefined) return null
  return `${page.replace(/\/$/, '')}/${key.certificate.roster.skeleton.keyId}/${event.id}`
}

/** Sends the client's user to a page, and lays the request out for its owners. Without a page the client waits. */
export async function askOwners(parts: Parts, taking: Taking, owners: number[]): Promise<Taken> {
  const { bunker, vault } = parts
  const { key, request } = taking
  const page = pageFor(parts, taking, owners)
  const entry = await bunker.log.write(key, lineOf(taking, { outcome: 'asked', code: null }))
  const pending = vault.lend(key.certificate.roster.skeleton.keyId, key.index, ({ sessionSecret }) =>
    sealPending(sessionSecret, key.lineage, pendingOf(taking)),
  )
  const answer = page === null ? null : respond(parts, key, taking, sendToPage(request.id, page))
  return { does: 'ask', answer, entry, owners, request: signingOf(parts, taking), pending }
}
