import { mostLimits, sealBook } from '@quorate/shared/crypto/bunker-secrets'
import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { Book, BookTerms, MAX_GRANTS, MAX_SEALED_BOOK } from '@quorate/shared/wire/bunker'
import { QuorateError } from '../errors.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { Member } from '../naming.ts'

type Writing = Readonly<{ terms: BookTerms; signer: NostrKey; serial: number; lives: string[]; givenAt: number }>

/** Where the gateway has to listen: at the own relays, and at those that programs brought. As many as a book names. */
const listening = ({ relays, grants }: BookTerms): string[] => {
  const brought = grants.flatMap(({ holder }) => (holder.kind === 'client' ? (holder.greeting?.relays ?? []) : []))
  return [...new Set([...relays, ...brought])].slice(0, 16)
}

/** A book that hosts would refuse is not sent. Throws `request.invalid`, which says how much fits. */
function requireFit({ participants }: Key, { grants }: BookTerms, sealed: string): void {
  const most = mostLimits(participants.length)
  const limits = grants.reduce((sum, grant) => sum + grant.limits.length, 0)
  const issues = [
    ...(grants.length > MAX_GRANTS ? [`${grants.length} grants: ${MAX_GRANTS} fit, so revoke some`] : []),
    ...(sealed.length > MAX_SEALED_BOOK
      ? [`${sealed.length} characters: ${MAX_SEALED_BOOK} fit, so revoke grants or name fewer peers and kinds`]
      : []),
    ...(limits > most ? [`${limits} limits: ${most} fit, so revoke grants or lift limits`] : []),
  ]
  if (issues.length > 0) throw new QuorateError('request.invalid', 'client', { issues })
}

/** Seals and signs an owner's book. Grants that are over are left out. Throws `request.invalid`. */
export async function writeBook(
  key: Key,
  { index, signer: owner }: Member,
  { terms, signer, serial, lives, givenAt }: Writing,
): Promise<Book> {
  const { roster, epoch } = key.certificate.body
  const place = { skeletonDigest: digestOf('skeleton', roster.skeleton), index, serial }
  const lasting = { ...terms, grants: terms.grants.filter(({ expiresAt }) => givenAt < expiresAt) }
  const sealed = sealBook(sessionSecretOf(key), place, lasting)
  requireFit(key, lasting, sealed)
  const current = BookTerms.parse(lasting)
  const version = { epoch, digest: key.digest }
  const body = Book.shape.body.parse({ ...place, version, signer, relays: listening(current), sealed, lives, givenAt })
  return Book.parse(await signBody(owner, 'book', body))
}
