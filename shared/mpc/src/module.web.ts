import { bytesToHex } from '@noble/hashes/utils.js'
import { MPC_SHA256 } from './digest.ts'
import { webAssembly, type WasmModule } from './webassembly.ts'

/** The module that this source was built with, from beside the script's folder; any other is refused. */
export async function readModule(): Promise<WasmModule> {
  const response = await fetch(new URL('../mpc.wasm', import.meta.url))
  if (!response.ok) throw new Error('mpc.wasm is missing')
  const bytes = await response.arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  if (bytesToHex(digest) !== MPC_SHA256) throw new Error('mpc.wasm is not the pinned one')
  return webAssembly.compile(bytes)
}
