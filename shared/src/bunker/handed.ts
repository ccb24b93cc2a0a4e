import { permitsKind, type Permissions } from '../nostr/permissions.ts'
import type { HandedOn } from '../nostr/hand-on.ts'
import type { OwnerGrant } from '../wire/bunker.ts'

const both = <T>(one: readonly T[], other: readonly T[]): T[] => one.filter((item) => other.includes(item))

function bothPermit(one: Permissions, other: Permissions): Permissions {
  const named = [...new Set([...one.kinds.named, ...other.kinds.named])]
  return {
    methods: both(one.methods, other.methods),
    kinds: {
      ordinary: one.kinds.ordinary && other.kinds.ordinary,
      named: named.filter((kind) => permitsKind(one, kind) && permitsKind(other, kind)),
    },
  }
}

/** What a client has of another one's grant: what both say, whichever is narrower. Uses count as uses of that grant. */
export const narrowed = (grant: OwnerGrant, handed: HandedOn): OwnerGrant => ({
  ...grant,
  holder: { kind: 'client', client: handed.client, greeting: null },
  permissions: bothPermit(grant.permissions, handed.permissions),
  peers: grant.peers === null ? handed.peers : both(grant.peers, handed.peers ?? grant.peers),
  longest: grant.longest === null ? handed.longest : Math.min(grant.longest, handed.longest ?? grant.longest),
  expiresAt: Math.min(grant.expiresAt, handed.expiresAt),
  otherwise: 'refuse',
  handsOn: false,
})
