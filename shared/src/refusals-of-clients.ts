import { row, type Row } from './refusal-row.ts'

/** Found by the SDK, never said by a gateway. */
export const clientRefusals = {
  'gateway.moved': row('upstream', 502, 'never', 'This address only redirects: name the address of the gateway itself'),
  'clock.wrong': row(
    'caller',
    400,
    'never',
    'The clocks of this machine and of the enclave differ too much: set the one that is wrong',
  ),
  'wasm.missing': row(
    'caller',
    400,
    'never',
    'mpc.wasm of @quorate/shared cannot be read: serve it, and say where by loadWasm',
  ),
  'wasm.other': row(
    'caller',
    400,
    'never',
    'This is not the mpc.wasm that belongs to this release: serve that of the @quorate/shared that is installed',
  ),
  'wasm.refused': row(
    'caller',
    400,
    'never',
    "WebAssembly does not run here: a page needs 'wasm-unsafe-eval' in the script-src of its Content-Security-Policy",
  ),
  'reply.invalid': row('upstream', 502, 'never', "The gateway's answer does not fit its schema: is this a gateway?"),
  'reply.mismatch': row('upstream', 502, 'never', "The gateway's answer is about something else than what was asked"),
  'invitation.invalid': row('caller', 400, 'never', 'This is not an invitation for this participant'),
  'participant.unknown': row(
    'caller',
    403,
    'never',
    'This participant, with this seed or signer, holds no share of this key',
  ),
  'signer.invalid': row(
    'caller',
    400,
    'never',
    'The signer of this participant does not give the Ed25519 signature of its own public key',
  ),
  'keygen.dealt': row(
    'caller',
    403,
    'never',
    'This key was dealt, so its dealer has known all of it: name the dealer if you take part nevertheless',
  ),
  'token.invalid': row('caller', 400, 'never', 'This is not what a keygen of this participant is resumed with'),
  'secret.invalid': row('caller', 400, 'never', 'This is not a secret key that can be dealt in this scheme'),
  'key.invalid': row('caller', 400, 'never', 'This is not an exported key'),
  'log.forged': row('upstream', 502, 'never', 'A line of the log was not written by a host of this key'),
  'log.broken': row(
    'upstream',
    502,
    'never',
    'The lines of the log do not follow on each other: some are missing, or changed',
  ),
  'wait.timeout': row('upstream', 504, 'same_request', 'It has not happened yet: ask again, or wait longer'),
} as const satisfies Record<string, Row>
