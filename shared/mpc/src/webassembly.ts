/** A compiled `WebAssembly.Module`. */
export type WasmModule = object

export type WasmMemory = { readonly buffer: ArrayBuffer }

type WebAssemblyApi = {
  Module: (new (bytes: Uint8Array) => WasmModule) & { exports: (module: WasmModule) => { name: string }[] }
  Instance: new (module: WasmModule, imports: object) => { exports: unknown }
  compile: (bytes: ArrayBuffer) => Promise<WasmModule>
}

/** What is used of the global, which neither ES2023's nor Node's type declarations know. */
export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
