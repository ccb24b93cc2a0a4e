import type { Content } from '../contents/table.ts'
import type { Item } from '../wire/content.ts'
import type { NostrKey } from '../nostr/keys.ts'
import type { Request } from '../nostr/methods.ts'

/** With whom a request exchanges messages; null where it does not. */
export const peerOf = ({ params }: Request): NostrKey | null =>
  params !== null && 'peer' in params ? params.peer : null

/** What is asked for, as permissions are written. */
export const wishOf = (request: Request): string =>
  request.method === 'sign_event' ? `sign_event:${request.params.event.kind}` : request.method

/** What the shares of the key have to do for a request; null where they have nothing to do. */
export function contentFor(request: Request): Content | null {
  switch (request.method) {
    case 'sign_event':
      return { type: 'nostr-event', event: request.params.event }
    case 'nip44_encrypt':
    case 'nip04_encrypt':
      return { type: 'ecdh', peer: `02${request.params.peer}`, direction: 'encrypt' }
    case 'nip44_decrypt':
    case 'nip04_decrypt':
      return { type: 'ecdh', peer: `02${request.params.peer}`, direction: 'decrypt' }
    case 'connect':
    case 'ping':
    case 'get_public_key':
    case 'switch_relays':
    case 'logout':
      return null
  }
}

export const itemFor = (content: Content): Item => ({ content, mode: { kind: 'plain' } })
