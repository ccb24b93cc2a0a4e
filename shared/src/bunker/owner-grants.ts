import type { Content } from '../contents/table.ts'
import { hasPeer, isNear, isShort, secondsAhead } from './conditions.ts'
import { permitsKind } from '../nostr/permissions.ts'
import type { OwnerGrant } from '../wire/bunker.ts'
import type { UserId } from '../wire/ids.ts'

/** What a participant of a key asks for over REST, in the light of a book. `now` in ms. */
export type Asked = Readonly<{ asker: UserId; content: Content; now: number }>

function coversContent(grant: OwnerGrant, content: Content, now: number): boolean {
  const { permissions } = grant
  switch (content.type) {
    case 'nostr-event': {
      const { kind, created_at, content: text } = content.event
      const isDated = isNear(grant, secondsAhead(created_at, now))
      return permitsKind(permissions, kind) && isDated && isShort(grant, text.length)
    }
    case 'ecdh':
      return hasPeer(grant, content.peer.slice(2)) && permissions.methods.includes(`nip44_${content.direction}`)
    case 'bytes':
    case 'raw':
      return isShort(grant, content.bytes.length / 2)
  }
}

/** The first grant of a book by which this participant may have this signed; null when there is none. */
export const grantForAsker = (grants: readonly OwnerGrant[], { asker, content, now }: Asked): OwnerGrant | null =>
  grants.find((grant) => {
    const { holder, expiresAt } = grant
    if (holder.kind !== 'askers' || now >= expiresAt) return false
    return holder.askers.includes(asker) && holder.content.includes(content.type) && coversContent(grant, content, now)
  }) ?? null
