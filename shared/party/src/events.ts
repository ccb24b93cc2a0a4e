/**
 * Everything that a party says about its work. Ids, codes and public commitments only: what is not a field here cannot be
 * logged.
 */
export type PartyEvent =
  | { event: 'peer.verified'; enclaveId: string; measurement: string }
  | { event: 'keygen.round'; keyId: string; index: number; attempt: number; round: 1 | 2 | 3 }
  | { event: 'refresh.round'; refreshId: string; index: number; attempt: number; round: 1 | 2 | 3 }
  | { event: 'epoch.prepared' | 'epoch.installed'; keyId: string; index: number; epoch: number }
  | { event: 'epoch.recalled'; keyId: string; from: number; epoch: number | null }
  | { event: 'key.certified'; keyId: string; index: number; certificateDigest: string }
  /** One per commitment pair that leaves, and one per use: no commitment may ever be spent twice. */
  | { event: 'nonce.committed'; signingId: string; index: number; attempt: number; commitment: string }
  | {
      event: 'nonce.spent'
      signingId: string
      index: number
      attempt: number
      commitment: string
      packageDigest: string
    }
  | { event: 'signing.confirmed'; signingId: string; index: number; signatures: number; resultDigest: string }
  | { event: 'bunker.created'; keyId: string; index: number }
  | { event: 'bunker.loaded'; keyId: string; index: number; books: number; refused: number }
  | { event: 'signing.withdrawn'; signingId: string; index: number }

export type PartyLog = (event: PartyEvent) => void
