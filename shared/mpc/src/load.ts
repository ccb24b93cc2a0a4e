import { bytesToHex } from '@noble/hashes/utils.js'
import { readOwn, readUrl } from '#mpc-module'
import { MPC_SHA256 } from './digest.ts'
import { LoadError } from './load-error.ts'
import { readResponse, type ReadBytes } from './read-response.ts'
import { webAssembly, type WasmModule } from './webassembly.ts'

/**
 * From where `mpc.wasm` comes: its URL, an answer with it, its bytes, or the module of a bundler that compiles it. The bytes of a module
 * cannot be seen any more, so whoever gives one says that it is this release's.
 */
export type WasmSource = string | URL | Response | Promise<Response> | Uint8Array | ArrayBuffer | WasmModule

/** The compiled artefact that this source was built with; from beside this package when nothing is said. Throws `LoadError`. */
export async function readModule(source?: WasmSource): Promise<WasmModule> {
  const given = await source
  if (typeof webAssembly !== 'object') throw new LoadError('wasm.refused', 'there is no WebAssembly here')
  if (given instanceof webAssembly.Module) return acceptModule(given)
  const { bytes, from } = await (given === undefined ? readOwn() : read(given))
  const pinned = Uint8Array.from(bytes)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', pinned))
  if (bytesToHex(digest) !== MPC_SHA256) throw new LoadError('wasm.other', from)
  return webAssembly.compile(pinned.buffer).catch((cause: unknown) => {
    throw new LoadError('wasm.refused', cause instanceof Error ? cause.message : from, cause)
  })
}

async function read(source: Exclude<WasmSource, Promise<Response>>): Promise<ReadBytes> {
  if (source instanceof Uint8Array) return { bytes: source, from: `${source.length} bytes` }
  if (source instanceof ArrayBuffer) return read(new Uint8Array(source))
  if (source instanceof Response) return readResponse(source)
  if (typeof source === 'string' || source instanceof URL) return readUrl(source)
  throw new LoadError('wasm.other', 'neither URL, Response, bytes nor WebAssembly.Module')
}

const EXPORTED = ['memory', 'alloc', 'call', '__heap_base']

function acceptModule(module: WasmModule): WasmModule {
  const names = new Set(webAssembly.Module.exports(module).map(({ name }) => name))
  if (EXPORTED.every((name) => names.has(name))) return module
  throw new LoadError('wasm.other', 'a module of something else')
}
