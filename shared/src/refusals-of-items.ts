import { row, type Row } from './refusal-row.ts'

/** Why an item is not signed, whoever holds shares of the key. */
export const itemRefusals = {
  'content.invalid': row('caller', 400, 'never', 'The content is not of the type that it claims'),
  'content.mismatch': row('caller', 409, 'never', 'The content is not what the request commits to'),
  'content.not_permitted': row('caller', 403, 'never', "The key's policy does not permit this type of content"),

  'tweak.invalid': row(
    'caller',
    400,
    'never',
    'The tweak cannot be read, or makes no key: give a Merkle root of 32 bytes or none, or 32 bytes from 1 to the order of secp256k1 less 1',
  ),
  'adaptor.invalid': row(
    'caller',
    400,
    'never',
    'The adaptor cannot be read: give points of secp256k1, none of them twice, and for `all` a proof of each',
  ),
  'adaptor.unsupported': row(
    'caller',
    403,
    'never',
    'Keys of this scheme give no pre-signatures: their signers could not bind their nonces to the point. Make a key of MuSig2',
  ),
  'adaptor.too_many': row(
    'caller',
    400,
    'never',
    'The items of the request ask for more signatures and pre-signatures than fit: a point of `any` is one. Ask in several requests',
  ),

  // Found by the SDK, of what has been pre-signed
  'adaptor.incomplete': row('caller', 409, 'never', 'A pre-signature is no signature: complete it with the secret'),
  'adaptor.secret_invalid': row('caller', 400, 'never', 'This is not the secret that the adaptor asks for'),
} as const satisfies Record<string, Row>
