/**
 * - `wasm.missing`: it cannot be read;
 * - `wasm.other`: it is not the artefact that this source was built with;
 * - `wasm.refused`: the engine, or a policy of the page, does not compile it.
 */
export type LoadErrorCode = 'wasm.missing' | 'wasm.other' | 'wasm.refused'

/** Why there is no threshold cryptography here. `what` says which file, or which answer. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly code: LoadErrorCode
  readonly what: string

  constructor(code: LoadErrorCode, what: string, cause?: unknown) {
    super(`${code}: ${what}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.what = what
  }
}
