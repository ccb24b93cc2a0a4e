import { row, type Row } from './refusal-row.ts'
import { clientRefusals } from './refusals-of-clients.ts'
import { bunkerRefusals } from './refusals-of-bunkers.ts'
import { subgroupRefusals } from './refusals-of-subgroups.ts'
import { itemRefusals } from './refusals-of-items.ts'

/** The one closed table of refusals. A code is all that an enclave ever says; the title is for people. */
export const refusals = {
  // Talking to the gateway
  'request.invalid': row('caller', 400, 'never', 'The request does not fit its schema'),
  'request.too_large': row('caller', 413, 'never', 'The request body is larger than the gateway takes'),
  'request.unsupported_media': row('caller', 415, 'never', 'Send application/json'),
  'request.rate_limited': row('caller', 429, 'same_request', 'Too many requests: wait as long as Retry-After says'),
  'bound.reached': row(
    'caller',
    429,
    'same_request',
    '`bound` says who holds as much as it may: end some of it, or wait as long as Retry-After says',
  ),
  'request.unauthorized': row('caller', 401, 'never', 'Prove who you are: POST /api/v1/sessions gives a token'),
  'request.wrong_gateway': row('caller', 421, 'never', 'The proof is for a gateway of another address: use its own'),
  'request.wrong_time': row(
    'caller',
    401,
    'never',
    "The proof is too far from the gateway's clock: set the clock that is wrong",
  ),
  'request.not_found': row('caller', 404, 'never', 'There is nothing here, or nothing for you'),
  'request.method_not_allowed': row('caller', 405, 'never', 'This path takes other methods: Allow names them'),
  'request.idempotency_conflict': row('caller', 409, 'never', 'This Idempotency-Key was used with another body'),
  'session.conflict': row('caller', 409, 'never', 'The session is not in a state that allows this'),
  'session.elsewhere': row('upstream', 503, 'same_request', 'Another gateway drives this session: ask again'),
  'gateway.draining': row('upstream', 503, 'same_request', 'The gateway is shutting down: ask again'),
  'gateway.unavailable': row('upstream', 503, 'same_request', 'The gateway cannot be reached'),
  'store.failed': row('us', 503, 'same_request', 'The gateway could not write to its store'),
  'store.damaged': row(
    'us',
    500,
    'never',
    'A record of the gateway does not open, so it is damaged: its operator has to restore it',
  ),
  internal: row('us', 500, 'same_request', 'The gateway failed'),

  // Making a key
  'keygen.no_enclaves': row('upstream', 503, 'same_request', 'No enclave is ready to host this key'),
  'keygen.crowded': row(
    'caller',
    409,
    'never',
    'One enclave would hold a quorum of this key, which nobody has agreed to',
  ),
  'keygen.id_taken': row('caller', 409, 'new_session', 'There is a key, or a keygen, of this id: draw another'),
  'keygen.unknown': row('upstream', 409, 'same_request', 'The enclave does not know this keygen'),
  'keygen.skeleton_mismatch': row(
    'caller',
    409,
    'never',
    'The skeleton is not the one that this keygen was begun with',
  ),
  'keygen.invitation_invalid': row('caller', 403, 'never', 'The registration does not prove an invitation to this key'),
  'keygen.slot_taken': row(
    'caller',
    409,
    'never',
    'This participant has registered already, with another registration',
  ),
  'keygen.roster_mismatch': row(
    'participant',
    409,
    'new_session',
    'The roster is not what its participants registered for',
  ),
  'keygen.equivocation': row(
    'upstream',
    409,
    'new_session',
    'Hosts were shown different round-one messages, by a host or by who carried them',
  ),
  'keygen.misdelivered': row(
    'upstream',
    409,
    'same_request',
    'What was brought to the enclave is not what the other hosts signed for it',
  ),
  'keygen.bad_package': row('participant', 409, 'new_session', 'A host signed a package that the ceremony refuses'),
  'keygen.out_of_order': row('upstream', 409, 'same_request', 'The ceremony is in another round or attempt'),
  'keygen.certificate_mismatch': row('participant', 409, 'new_session', 'The hosts do not certify the same key'),
  'keygen.installed': row(
    'upstream',
    409,
    'new_session',
    'An enclave holds a key of this roster already, and makes no other: begin again under another id',
  ),
  'keygen.dealt_invalid': row(
    'caller',
    409,
    'new_session',
    'What was dealt to this enclave is not a share of the key that the skeleton names: deal the key anew',
  ),
  'keygen.contribution_invalid': row(
    'caller',
    400,
    'never',
    'What this participant brings is not what the scheme of the key takes: a secret key, or nothing',
  ),
  'keygen.expired': row('caller', 410, 'new_session', 'Not everybody registered in time'),
  'keygen.displaced': row(
    'upstream',
    503,
    'new_session',
    'The gateway was full, and this keygen made room for those of others: reserve anew',
  ),
  'keygen.hosts_lost': row('upstream', 503, 'new_session', 'Enclaves of this key stayed away until the deadline'),

  // Refreshing a key. Its rounds are those of a keygen, and so are their refusals
  'refresh.unsupported': row(
    'caller',
    409,
    'never',
    'Each participant has a key of its own in this one, so that its shares cannot be drawn anew: make another key',
  ),
  'refresh.request_invalid': row('caller', 403, 'never', 'The request for a refresh does not verify'),
  'refresh.too_soon': row(
    'participant',
    409,
    'new_session',
    'This participant has had the key refreshed within a day: a second one has to sign the request too',
  ),
  'refresh.not_prepared': row('upstream', 409, 'same_request', 'This life of the enclave has not prepared this epoch'),
  'refresh.hosts_lost': row(
    'upstream',
    503,
    'new_session',
    'Enclaves of this key stayed away from its refresh until the deadline: it still signs at its old epoch',
  ),

  ...subgroupRefusals,

  // Signing
  'key.unknown': row('upstream', 409, 'same_request', 'The enclave has not opened this key'),
  'key.other_lineage': row('caller', 409, 'never', 'The enclave knows another key under this id'),
  'key.not_found': row('caller', 404, 'never', 'There is no such key, or it is not yours'),
  'certificate.invalid': row('upstream', 409, 'never', 'The key certificate does not verify'),
  'epoch.stale': row('upstream', 409, 'never', 'The key has been refreshed and is at another epoch: update it'),
  'epoch.unproven': row(
    'upstream',
    409,
    'new_session',
    'All enclaves of this key that can be reached have restarted, and none knows which epoch is in force: ask again',
  ),
  'signing.unknown': row('upstream', 409, 'same_request', 'The enclave does not know this signing attempt'),
  'signing.request_invalid': row('caller', 403, 'never', 'The signing request does not verify'),
  'signing.rejected': row(
    'participant',
    409,
    'new_session',
    'A participant whose share is needed rejected the request, or this item of it',
  ),
  'signing.withdrawn': row('caller', 409, 'new_session', 'Its asker has withdrawn this request'),
  'signing.withdrawal_invalid': row('caller', 403, 'never', 'The withdrawal is not the word of who asked'),
  'signing.expired': row('caller', 410, 'new_session', 'Not enough approvals, or not enough enclaves, in time'),
  'signing.hosts_lost': row('upstream', 503, 'new_session', 'Too few enclaves could be reached for a quorum'),
  'signing.ended': row(
    'upstream',
    409,
    'new_session',
    'The enclave has given its receipt for this request, and takes part in no other attempt at it: ask anew',
  ),
  'signing.misdelivered': row(
    'upstream',
    409,
    'same_request',
    'What was brought to the enclave is not what the hosts of the quorum signed for this attempt',
  ),
  'signing.bad_partial': row(
    'participant',
    409,
    'new_session',
    'A host signed a partial signature that does not verify',
  ),
  'signing.bad_commitment': row('participant', 409, 'new_session', 'A host signed a commitment that no host can take'),
  'signing.invalid_signature': row(
    'us',
    500,
    'new_session',
    'The aggregated signature does not verify, so it was withheld',
  ),
  'signing.disputed': row(
    'participant',
    409,
    'new_session',
    'Hosts of the quorum do not say the same of this item, so one of them lies',
  ),
  'nonce.spent': row('upstream', 409, 'new_session', 'This nonce has been used and is gone'),
  'consent.missing': row('caller', 403, 'never', 'The owner of this share has not approved this'),
  'consent.invalid': row('caller', 403, 'never', 'The approval or grant does not verify here'),
  'consent.expired': row(
    'caller',
    410,
    'new_session',
    'The request, approval or grant is over, too old, or dated ahead',
  ),
  'grant.exhausted': row('caller', 429, 'same_request', 'The standing grant allows no more signatures for now'),
  'grant.unproven': row(
    'upstream',
    409,
    'same_request',
    'The enclave has restarted, and too few others have told it how often the standing grant was used: approve this request, or wait for them',
  ),
  ...itemRefusals,

  // Trust
  'attestation.invalid': row(
    'upstream',
    502,
    'never',
    'The attestation document does not prove an enclave that is trusted here',
  ),
  'peer.unknown': row('upstream', 409, 'same_request', 'The enclave has not verified this peer'),
  'lives.stale': row(
    'caller',
    409,
    'new_session',
    'Enclaves of this key have started again since: name their lives as they are now',
  ),
  'life.retired': row('upstream', 409, 'same_request', 'A later start of this enclave is known: this process is over'),
  'manifest.invalid': row(
    'upstream',
    409,
    'never',
    'The manifest or its notice is not what this enclave believes: signatures, images, or the time of the notice',
  ),
  'manifest.stale': row('upstream', 409, 'never', 'Another manifest with this serial, or a later one, is known'),
  'image.retired': row(
    'upstream',
    503,
    'same_request',
    'The manifest in force no longer lists the image of this enclave',
  ),
  'seal.invalid': row('caller', 400, 'never', 'The sealed message does not open'),
  'receipt.invalid': row('upstream', 502, 'never', 'A receipt does not verify'),
  'signature.invalid': row('upstream', 502, 'never', 'The signature does not verify under the key'),

  // The enclave and its platform
  'enclave.locked': row('upstream', 503, 'same_request', 'The enclave has not opened its root secret yet'),
  'enclave.unreachable': row('upstream', 503, 'same_request', 'The enclave cannot be reached'),
  'enclave.timeout': row('upstream', 504, 'same_request', 'The enclave did not answer by the deadline'),
  'enclave.busy': row('upstream', 503, 'same_request', 'The enclave holds as many sessions as it can'),
  'enclave.failed': row('us', 500, 'new_session', 'The enclave failed in this call'),
  'message.invalid': row('upstream', 400, 'never', 'The message does not fit its schema'),
  'frame.invalid': row('upstream', 400, 'never', 'The frame breaks the framing rules'),
  'kms.denied': row('upstream', 403, 'never', 'KMS refuses this enclave: compare its policy with image, role and key'),
  'kms.disabled': row(
    'upstream',
    503,
    'same_request',
    'The KMS key is switched off or awaits deletion: enable it soon',
  ),
  'kms.throttled': row('upstream', 503, 'same_request', 'KMS is asked more than its quota allows: wait, or raise it'),
  'kms.clock': row('upstream', 503, 'same_request', "KMS finds the enclave's clock wrong: see the clock of its host"),
  'kms.unavailable': row('upstream', 503, 'same_request', 'KMS cannot be reached'),
  'kms.invalid': row('upstream', 502, 'never', "KMS's answer is not acceptable"),
  'root.invalid': row('upstream', 409, 'never', 'The sealed root secret does not open here'),

  ...bunkerRefusals,

  ...clientRefusals,
} as const satisfies Record<string, Row>

export type RefusalCode = keyof typeof refusals

/** Type guard for codes that arrive from a wire. */
export const isRefusalCode = (code: unknown): code is RefusalCode =>
  typeof code === 'string' && Object.hasOwn(refusals, code)

/** Whose share of the gateway a bound limits: `asker` is a participant of a key, `gateway` all of them together. */
export const holders = ['address', 'token', 'key', 'asker', 'gateway'] as const
export type Holder = (typeof holders)[number]

/** A bound that is reached. `retryAfter`: seconds until waiting may have helped, null where it does not help. */
export type Bound = Readonly<{ of: Holder; retryAfter: number | null }>

/**
 * An expected refusal at an edge. Carries a code of the table, the indices (1…n) of the culprits and the bound that is reached, and
 * nothing else: its text is the table's title, so that it cannot leak what it was about.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly culprits: readonly number[]
  readonly bound: Bound | null

  constructor(code: RefusalCode, culprits: readonly number[] = [], bound: Bound | null = null) {
    super(refusals[code].title)
    this.code = code
    this.culprits = culprits
    this.bound = bound
  }
}

/** The refusal of who has reached a bound. `retryAfter` in seconds. */
export const boundReached = (of: Holder, retryAfter: number | null = null): Refusal =>
  new Refusal('bound.reached', [], { of, retryAfter })
