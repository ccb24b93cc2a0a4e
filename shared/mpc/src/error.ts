/**
 * - `invalid_input`: the caller's own mistake, or arguments that do not belong together;
 * - `bad_package`: a package or commitment that is malformed or dishonest;
 * - `bad_partial`: a partial, of a signature or of ECDH, that does not verify;
 * - `invalid_signature`: the whole does not verify, though every part does;
 * - `trapped`: the module stopped in the middle (out of memory, no randomness, a bug); the next call is not affected.
 */
export type MpcErrorCode = 'invalid_input' | 'bad_package' | 'bad_partial' | 'invalid_signature' | 'trapped'

/** Says which kind of failure and who is to blame, by participant index, ascending. It says nothing else. */
export class MpcError extends Error {
  override readonly name = 'MpcError'
  readonly code: MpcErrorCode
  readonly culprits: readonly number[]

  constructor(code: MpcErrorCode, culprits: readonly number[] = []) {
    super(code)
    this.code = code
    this.culprits = culprits
  }
}
