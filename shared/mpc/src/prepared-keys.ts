import type { Preparation } from './instance.ts'
import type { AggregateKey } from './musig2-types.ts'
import { sizeOfItems, writeItems, type Item } from './wire.ts'

/** How many sets of keys stay prepared: some 100 KB each. */
const MOST = 16

type Prepared = Readonly<{ name: Uint8Array; preparation: Preparation }>

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])

/**
 * KeyAgg without tweaks, once for each set of keys that is in use: it takes 0.13 ms a key, and a batch asks for it with every item, in every round.
 * What is kept is made of public keys alone.
 */
export function createPreparedKeys(operation: number): (of: AggregateKey) => Preparation {
  let known: readonly Prepared[] = []
  return ({ pubkeys, sorted = false }) => {
    // The caller may change its bytes later.
    const items: Item[] = [new Map([...pubkeys].map(([index, key]) => [index, key.slice()])), Number(sorted)]
    const name = new Uint8Array(sizeOfItems(items))
    writeItems(name, items)
    const used = known.find((one) => isSame(one.name, name)) ?? { name, preparation: { operation, items } }
    known = [used, ...known.filter((one) => one !== used)].slice(0, MOST)
    return used.preparation
  }
}
