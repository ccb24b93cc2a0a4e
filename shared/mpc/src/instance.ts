import { webAssembly, type WasmMemory, type WasmModule } from './webassembly.ts'
import { MpcError, type MpcErrorCode } from './error.ts'
import { readItems, sizeOfItems, writeItems, type Item } from './wire.ts'

/** A call of public data that others follow, who find in memory what it has made. Each object of this type is made just once. */
export type Preparation = Readonly<{ operation: number; items: readonly Item[] }>

/**
 * One call into the module, after a preparation or none. Throws `MpcError`, also of the preparation; leaves nothing in the module's memory either
 * way. What the preparation has left there is kept outside, as long as it is.
 */
export type Call = (operation: number, items: readonly Item[], after?: Preparation) => Uint8Array[]

export type Ports = {
  /** Fills a view of the module's memory with cryptographic randomness, or throws. */
  random?: (into: Uint8Array) => void
  /** For tests: sees the memory when a call has ended, and again when it has been wiped. */
  observe?: (memory: Uint8Array, moment: 'ended' | 'wiped') => void
}

type Exports = {
  memory: WasmMemory
  /** Where stack and static data end, and what a call allocates begins. */
  __heap_base: { value: number }
  alloc: (length: number) => number
  call: (operation: number, at: number, length: number) => number
}

const CODES: readonly MpcErrorCode[] = ['trapped', 'invalid_input', 'bad_package', 'bad_partial', 'invalid_signature']

const fromCrypto = (into: Uint8Array): void => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>)

/**
 * An instance and the picture of its memory when it was new. To take the picture back (7 µs) is cheaper than a new
 * instance (24 µs); after a trap, or when the memory has grown, a new instance it is.
 */
function instantiate(module: WasmModule, random: (into: Uint8Array) => void) {
  const host = { random: (at: number, length: number) => random(new Uint8Array(memory.buffer, at, length)) }
  const exports = new webAssembly.Instance(module, { host }).exports as Exports
  const { memory } = exports
  const picture = new Uint8Array(memory.buffer).slice(0, exports.__heap_base.value)
  return { ...exports, picture, size: memory.buffer.byteLength }
}

function answerAt(memory: WasmMemory, at: number): Uint8Array[] {
  const length = new DataView(memory.buffer).getUint32(at, true)
  const status = new Uint8Array(memory.buffer, at + 4, 1)[0] ?? 0
  const payload = new Uint8Array(memory.buffer, at + 5, length - 1)
  if (status === 0) return readItems(payload)
  const view = new DataView(memory.buffer, at + 5, length - 1)
  const culprits = Array.from({ length: payload.length / 2 }, (_, i) => view.getUint16(2 * i, true))
  throw new MpcError(CODES[status] ?? 'trapped', culprits)
}

type Instance = ReturnType<typeof instantiate>

/** One call in the memory as it stands. Throws `MpcError` for what the module answers, and anything else for a trap. */
function enter({ memory, alloc, call }: Instance, operation: number, items: readonly Item[]): Uint8Array[] {
  const length = sizeOfItems(items)
  const at = alloc(length)
  writeItems(new Uint8Array(memory.buffer, at, length), items)
  return answerAt(memory, call(operation, at, length))
}

/** The memory up to what was never written. */
function written(memory: Uint8Array): Uint8Array {
  let end = memory.length
  while (end > 0 && memory[end - 1] === 0) end -= 1
  return memory.slice(0, end)
}

/** Puts back what a preparation leaves in memory, once it has been made. */
function createPrepare(): (instance: Instance, preparation: Preparation) => void {
  const leftBy = new WeakMap<Preparation, Uint8Array>()
  return (instance, preparation) => {
    const { memory, size } = instance
    const left = leftBy.get(preparation)
    if (left !== undefined) {
      new Uint8Array(memory.buffer).set(left)
      return
    }
    enter(instance, preparation.operation, preparation.items)
    // Memory that has grown is of this instance alone.
    const bytes = new Uint8Array(memory.buffer)
    if (bytes.length === size) leftBy.set(preparation, written(bytes))
  }
}

/** Binds the module to its ports. One call at a time, which a synchronous call is by nature. */
export function createCall(module: WasmModule, ports: Ports = {}): Call {
  const random = ports.random ?? fromCrypto
  const prepare = createPrepare()
  let instance: Instance | undefined

  const wipe = (memory: Uint8Array) => {
    ports.observe?.(memory, 'ended')
    memory.fill(0)
    ports.observe?.(memory, 'wiped')
  }

  return (operation, items, after) => {
    const present = (instance ??= instantiate(module, random))
    const { memory, picture, size } = present
    let trapped = false
    try {
      if (after !== undefined) prepare(present, after)
      return enter(present, operation, items)
    } catch (error) {
      trapped = !(error instanceof MpcError)
      throw error instanceof MpcError ? error : new MpcError('trapped')
    } finally {
      const bytes = new Uint8Array(memory.buffer)
      wipe(bytes)
      if (trapped || bytes.length !== size) instance = undefined
      else bytes.set(picture)
    }
  }
}
