import { Digest, KeyId } from '@quorate/shared/wire/ids'
import type { Express, Response } from 'express'
import type { Coordinator } from '../commands/ports.ts'
import { clientPage, connectPage, noClientPage, pagePolicy } from './client-page.ts'

/** `nostrKey`: the key whose bunker stands under the name `_`; null for none. `publicUrl`: where browsers reach this gateway. */
export type NostrRoutes = Readonly<{
  coordinator: Pick<Coordinator, 'showRequest' | 'whereBunker'>
  nostrKey: KeyId | null
  publicUrl: string
}>

function show(response: Response, html: string | null): void {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
  response.writeHead(html === null ? 404 : 200, { ...headers, 'content-security-policy': pagePolicy })
  response.end(html ?? noClientPage)
}

/** What the world of Nostr reads, beside the API: the page of a request that waits, and NIP-05's names. */
export function mountNostr(app: Express, { coordinator, nostrKey, publicUrl }: NostrRoutes): void {
  app.get('/bunker/:keyId/connect', ({ params }, response) => {
    const keyId = KeyId.safeParse(params.keyId)
    const isThere = keyId.success && coordinator.whereBunker(keyId.data) !== null
    show(response, isThere ? connectPage(params.keyId) : null)
  })
  app.get('/bunker/:keyId/:eventId', ({ params }, response) => {
    const keyId = KeyId.safeParse(params.keyId)
    const eventId = Digest.safeParse(params.eventId)
    const shown = keyId.success && eventId.success ? coordinator.showRequest(keyId.data, eventId.data) : null
    show(response, shown === null ? null : clientPage(params.eventId, shown))
  })
  app.get('/.well-known/nostr.json', ({ query }, response) => {
    const found = nostrKey !== null && (query['name'] ?? '_') === '_' ? coordinator.whereBunker(nostrKey) : null
    const nostrconnect_url = `${publicUrl}/bunker/${nostrKey}/connect#<nostrconnect>`
    const names =
      found === null ? { names: {} } : { names: { _: found.signer }, nip46: { relays: found.relays, nostrconnect_url } }
    // NIP-05: pages of any origin read it.
    response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
    response.end(JSON.stringify(names))
  })
}
