import type { Content } from '../contents/table.ts'
import { permitsKind } from '../nostr/permissions.ts'
import type { OwnerGrant } from '../wire/bunker.ts'
import type { UserId } from '../wire/ids.ts'

/** What participants of a key ask for over REST, in the light of a book. `now` in ms. */
export type Asked = Readonly<{ asker: UserId; contents: readonly Content[]; now: number }>

function coversContent({ permissions, peers, longest, dated }: OwnerGrant, content: Content, now: number): boolean {
  switch (content.type) {
    case 'nostr-event': {
      const { kind, created_at, content: text } = content.event
      const ahead = created_at - Math.floor(now / 1_000)
      const isNear = dated === null || (ahead <= dated.after && -ahead <= dated.before)
      return permitsKind(permissions, kind) && isNear && (longest === null || text.length <= longest)
    }
    case 'ecdh': {
      const isPeer = peers === null || peers.some((peer) => content.peer.slice(2) === peer)
      return isPeer && permissions.methods.includes(`nip44_${content.direction}`)
    }
    case 'bytes':
    case 'raw':
      return longest === null || content.bytes.length / 2 <= longest
  }
}

/** The first grant of a book by which this participant may have all of this signed; null when there is none. */
export const grantForAsker = (grants: readonly OwnerGrant[], { asker, contents, now }: Asked): OwnerGrant | null =>
  grants.find((grant) => {
    const { holder, expiresAt } = grant
    if (holder.kind !== 'askers' || now >= expiresAt || contents.length === 0) return false
    return (
      holder.askers.includes(asker) &&
      contents.every((content) => holder.content.includes(content.type) && coversContent(grant, content, now))
    )
  }) ?? null
