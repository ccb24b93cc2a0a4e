import { SigningId } from '@quorate/shared/wire/ids'
import { QuorateError } from '../errors.ts'

/** The command was used in a way that cannot work; the text says what to do instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What scripts can rely on. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, untrusted: 3, timeout: 4 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Found here, these mean that somebody is not who, or something not what, it claims to be. */
const unverified: readonly string[] = [
  'attestation.invalid',
  'certificate.invalid',
  'keygen.skeleton_mismatch',
  'keygen.roster_mismatch',
  'receipt.invalid',
  'signature.invalid',
  'seal.invalid',
  'content.mismatch',
  'reply.mismatch',
  'signing.request_invalid',
  'book.invalid',
  'book.stale',
  'log.forged',
  'log.broken',
  'nostr.event_unsigned',
]
const misused: readonly string[] = [
  'request.invalid',
  'invitation.invalid',
  'key.invalid',
  'secret.invalid',
  'content.invalid',
  'tweak.invalid',
  'adaptor.invalid',
  'adaptor.unsupported',
  'adaptor.too_many',
  'bunker.scheme',
  'grant.unknown',
  'nostr.uri_invalid',
  'nostr.event_invalid',
]

/** The id of a signing, or of a key in the making: these are not kept here, so that a beginning would not do. */
export function wholeId(text: string): string {
  const id = SigningId.safeParse(text.toLowerCase())
  if (!id.success) throw new UsageError(`“${text}” is not an id: the whole of it is 32 hex digits`)
  return id.data
}

/** Did a check here find a lie? */
export const isUnverified = ({ by, code }: QuorateError): boolean => by === 'client' && unverified.includes(code)

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage
  if (!(error instanceof QuorateError)) return exitCodes.failed
  if (error.code === 'wait.timeout') return exitCodes.timeout
  if (isUnverified(error)) return exitCodes.untrusted
  if (error.by !== 'client') return exitCodes.failed
  return misused.includes(error.code) ? exitCodes.usage : exitCodes.failed
}

/** What a person can do about it, where the title of the refusal does not say it. */
const advice: Readonly<Record<string, string>> = {
  'attestation.invalid': 'Nothing was sent to it. Is the trust file of this fleet and of this release? (--trust)',
  'gateway.unavailable': 'Is the address right (--gateway), and is the gateway up? `make fleet` starts one here.',
  'reply.invalid': 'Is the address right (--gateway), and is the command of the same release as the gateway?',
  'keygen.expired': 'Start again with `quorate keygen`, and give people more time with --ttl.',
  'signing.expired': 'Ask again with `quorate sign`; the others say yes with `quorate approve --wait`.',
  'participant.unknown': 'Say who you are with --as, and use the --home in which you took part.',
  'wait.timeout': '`quorate status ID` shows how far a keygen or a signing is; with --wait, it goes on waiting.',
  'request.not_found':
    'Is it at this gateway (--gateway), and of a key in this --home? See `quorate fleet`, `quorate key`.',
  'invitation.invalid': 'Give the whole link that begins with quorate:join# and the name it is for with --as.',
  'content.not_permitted': 'What a key may sign is fixed when it is made: `quorate keygen --content …`.',
  'epoch.stale':
    '`quorate update KEY` brings the key to its present epoch. What was asked before that has to be asked again.',
  'refresh.too_soon':
    'Have a second participant sign it too: `quorate refresh KEY --draft FILE`, then --second, then --request.',
  'keygen.slot_taken': 'Somebody registered in this place with another seed or consent. Ask for a new key.',
  'request.rate_limited': 'Wait a minute.',
  'bound.reached': 'Wait, or end what is open of the same address, key or asker.',
  'keygen.dealt': 'Say --dealt-by NAME, of the person whom the invitation names.',
  'bunker.not_found': '`quorate bunker create KEY --relay wss://…` makes one.',
  'bunker.scheme': 'Make a key of the default scheme, with `--content nostr-event ecdh`.',
  'book.stale': 'What the gateway shows is older than what is known here: nothing was written. Tell its operator.',
  'book.unproven': 'As many owners as n − t + 1, and as the threshold, run `quorate bunker renew KEY`.',
  'grant.unknown': '`quorate bunker grants KEY` lists them.',
  'enclave.unreachable': 'Is every enclave of the key there? See `quorate fleet`.',
  'nostr.uri_invalid': 'Give the whole URI, in quotes: the shell takes & for its own.',
  'keygen.displaced': 'The gateway was full. Start again with `quorate keygen`, and have people join soon.',
}
export const adviceFor = (error: unknown): string | undefined =>
  error instanceof QuorateError ? advice[error.code] : undefined
