import { createEcdh, type Ecdh } from './ecdh.ts'
import { createFrost } from './frost.ts'
import type { Frost, Scheme } from './frost-types.ts'
import { createCall, type Call } from './instance.ts'
import { readModule, type WasmSource } from './load.ts'
import { createMusig2 } from './musig2.ts'
import type { Musig2 } from './musig2-types.ts'
import { createSecp256k1, type Secp256k1 } from './secp256k1.ts'
import type { WasmModule } from './webassembly.ts'

export type { Ecdh } from './ecdh.ts'
export { MpcError, type MpcErrorCode } from './error.ts'
export { LoadError, type LoadErrorCode } from './load-error.ts'
export type { WasmSource } from './load.ts'
export type { ByIndex, Frost, PublicDescription, Scheme, Tweak } from './frost-types.ts'
export type { AggregateKey, Musig2, MusigSession, PreSigned } from './musig2-types.ts'
export type { Secp256k1 } from './secp256k1.ts'
export type { KeyTweak } from './tweak.ts'
export type { WasmModule } from './webassembly.ts'

/** The threshold cryptography, in WebAssembly whose memory is wiped after every call. */
export type Mpc = { frost(scheme: Scheme): Frost; ecdh: Ecdh; musig2: Musig2; secp256k1: Secp256k1 }

/** The names of the operations over whatever makes the calls. */
export function bindMpc(call: Call): Mpc {
  const schemes: Record<Scheme, Frost> = {
    'frost-secp256k1-tr': createFrost(call, 'frost-secp256k1-tr'),
    'frost-ed25519': createFrost(call, 'frost-ed25519'),
  }
  return {
    frost: (scheme) => schemes[scheme],
    ecdh: createEcdh(call),
    musig2: createMusig2(call),
    secp256k1: createSecp256k1(call),
  }
}

/** For a composition that brings its own copy of `mpc.wasm`. */
export function createMpc(module: WasmModule): Mpc {
  return bindMpc(createCall(module))
}

let loaded: Promise<Mpc> | undefined

/**
 * The threshold cryptography, compiled once: from `source`, or as it comes with this package. What is loaded already, or is being loaded, is
 * taken whatever the source is. A failure is not kept: the next call tries again. Throws `LoadError`.
 */
export function loadMpc(source?: WasmSource): Promise<Mpc> {
  if (loaded !== undefined) return loaded
  const loading = readModule(source).then(createMpc)
  loaded = loading
  loading.catch(() => {
    if (loaded === loading) loaded = undefined
  })
  return loading
}
