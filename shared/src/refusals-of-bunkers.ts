import { row, type Row } from './refusal-row.ts'

/** Nostr: encrypted messages, the clients of a bunker (NIP-44, NIP-46), and what owners say of them. */
export const bunkerRefusals = {
  'grant.unknown': row('caller', 404, 'never', 'No book in force has a grant of this name'),
  'book.invalid': row(
    'caller',
    403,
    'never',
    "The book is not its owner's word on this key, or has more grants than fit",
  ),
  'book.stale': row('caller', 409, 'never', 'A newer book of this owner is known: read it, and write the next one'),
  'book.unproven': row(
    'upstream',
    409,
    'same_request',
    'The enclave has restarted, and too few others have told it which book is the newest: wait for them, or write the book anew',
  ),
  'relay.not_listed': row(
    'caller',
    403,
    'never',
    'This gateway connects to no such relay: its operator lists relays in QUORATE_RELAYS',
  ),
  'bunker.not_found': row('caller', 404, 'never', 'This key has no bunker'),
  'bunker.scheme': row('caller', 409, 'never', 'A bunker needs a key of BIP-340, which Nostr signs with'),
  'nostr.version': row('caller', 400, 'never', 'The message is encrypted by another version of NIP-44 than 2'),
  'nostr.size': row('caller', 413, 'never', 'The message is empty, or longer than 1 MiB'),
  'nostr.event_invalid': row('caller', 400, 'never', 'This is not a signed event of kind 24133 within its bounds'),
  'nostr.event_misaddressed': row('caller', 400, 'never', 'The event does not name this signer alone in a p tag'),
  'nostr.event_unsigned': row('caller', 403, 'never', 'The id or the signature of the event is not that of its author'),
  'nostr.uri_invalid': row('caller', 400, 'never', 'This is not a bunker or nostrconnect URI with all that it needs'),
  'nostr.request_invalid': row('caller', 400, 'never', 'The request is not a JSON object of id, method and params'),
  'nostr.method_unknown': row('caller', 404, 'never', 'This signer has no such method'),
  'nostr.params_invalid': row('caller', 400, 'never', 'The parameters are not those of the method'),
  'nostr.not_permitted': row('caller', 403, 'never', 'The owner of the key has not permitted this to this client'),
  'nostr.result_too_large': row('caller', 413, 'never', 'The result does not fit into one encrypted message'),
  'nostr.event_stale': row(
    'caller',
    400,
    'never',
    'The event is too old, or dated ahead: ask again, and check the clock',
  ),
  'nostr.signer_unknown': row('us', 503, 'same_request', 'The enclave does not hold the key of this signer yet'),
  'nostr.full': row('caller', 409, 'never', 'The signer has as many clients or open invitations as it can: end some'),
} as const satisfies Record<string, Row>
