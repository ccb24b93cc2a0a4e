import { ownedKey } from '@quorate/shared/consent/permits'
import { signersOf } from '@quorate/shared/verify/signers'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Withdrawal } from '@quorate/shared/wire/signing'
import type { Items } from '../aids/items.ts'
import type { BunkerTools } from '../aids/tools.ts'
import type { SigningOwn, SigningSession, SigningTerms } from '../courses/signing-terms.ts'
import type { Sessions } from '../engine/sessions.ts'
import type { LoadKey } from '../keys/key-cache.ts'
import type { Limits, Ports } from './ports.ts'
import type { Directory } from './signing-directory.ts'

/** What the commands of signings work with. */
export type Context = Readonly<{
  ports: Ports
  loadKey: LoadKey
  limits: Limits
  sessions: Sessions<SigningTerms>
  directory: Directory
  items: Items
  share: (s: SigningSession) => SigningSession
  /** Keeps the line that a host has written into the log of its bunker. */
  logged: BunkerTools['logged']
  /** Tells the hosts of a signing that it is withdrawn. */
  tell: (s: SigningSession, withdrawal: Withdrawal) => void
}>

/** A signing that has just been asked for. */
export function begun(
  { certificate }: VerifiedKey,
  own: Pick<SigningOwn, 'request' | 'requestDigest' | 'weight' | 'willing'> & Partial<Pick<SigningOwn, 'approvals'>>,
): SigningSession {
  const { skeleton } = certificate.roster
  const { signingId, keyId, items } = own.request.body
  const signers = items.map(({ subgroup }) => (subgroup === undefined ? null : signersOf(skeleton, subgroup).members))
  return {
    id: signingId,
    keyId,
    seats: skeleton.participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId })),
    attempt: 0,
    own: {
      approvals: {},
      ...own,
      threshold: skeleton.threshold,
      ...(signers.some((members) => members !== null) ? { signers } : {}),
      key: ownedKey(certificate.roster),
      excluded: {},
    },
    stage: { name: 'waiting' },
  }
}
