import { MpcError } from './error.ts'

/** An integer (u16), bytes, or bytes by participant index. */
export type Item = number | Uint8Array | ReadonlyMap<number, Uint8Array>

const HEADER = 4
const ENTRY_HEADER = 6

function sizeOf(item: Item): number {
  if (typeof item === 'number') return 2
  if (item instanceof Uint8Array) return item.length
  let size = 0
  for (const bytes of item.values()) size += ENTRY_HEADER + bytes.length
  return size
}

/** The length of `items` as `writeItems` writes them. */
export function sizeOfItems(items: readonly Item[]): number {
  return items.reduce<number>((size, item) => size + HEADER + sizeOf(item), 0)
}

function u16(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new MpcError('invalid_input')
  return value
}

/** Writes straight into the module's memory, so that no copy of a secret is left on this side. */
export function writeItems(into: Uint8Array, items: readonly Item[]): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  let at = 0
  const bytes = (value: Uint8Array) => {
    view.setUint32(at, value.length, true)
    into.set(value, at + HEADER)
    at += HEADER + value.length
  }
  for (const item of items) {
    if (item instanceof Uint8Array) {
      bytes(item)
      continue
    }
    view.setUint32(at, sizeOf(item), true)
    at += HEADER
    if (typeof item === 'number') {
      view.setUint16(at, u16(item), true)
      at += 2
      continue
    }
    for (const [index, value] of [...item].sort(([a], [b]) => a - b)) {
      view.setUint16(at, u16(index), true)
      at += 2
      bytes(value)
    }
  }
}

/** The items of an answer, each in a buffer of its own that the caller may keep and wipe. */
export function readItems(from: Uint8Array): Uint8Array[] {
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
  const items: Uint8Array[] = []
  for (let at = 0; at < from.length;) {
    const end = at + HEADER + view.getUint32(at, true)
    items.push(from.slice(at + HEADER, end))
    at = end
  }
  return items
}

/** A map item of an answer. The item itself is wiped: its values live on in the map alone. */
export function readMap(item: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(item.buffer, item.byteOffset, item.byteLength)
  const map = new Map<number, Uint8Array>()
  for (let at = 0; at < item.length;) {
    const end = at + ENTRY_HEADER + view.getUint32(at + 2, true)
    map.set(view.getUint16(at, true), item.slice(at + ENTRY_HEADER, end))
    at = end
  }
  item.fill(0)
  return map
}

/** An integer item of an answer. */
export function readInt(item: Uint8Array): number {
  return new DataView(item.buffer, item.byteOffset, item.byteLength).getUint16(0, true)
}
