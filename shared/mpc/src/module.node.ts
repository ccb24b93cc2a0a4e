import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { MPC_SHA256 } from './digest.ts'
import { webAssembly, type WasmModule } from './webassembly.ts'

/** Beside a bundle, or where the sources and the compiled package keep it. */
const PLACES = ['./mpc.wasm', '../mpc.wasm']

/** The module that this source was built with; any other is refused. */
export function readModule(): Promise<WasmModule> {
  const place = PLACES.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url))
  if (place === undefined) throw new Error('mpc.wasm is missing')
  const bytes = readFileSync(place)
  if (createHash('sha256').update(bytes).digest('hex') !== MPC_SHA256) throw new Error('mpc.wasm is not the pinned one')
  return Promise.resolve(new webAssembly.Module(bytes))
}
