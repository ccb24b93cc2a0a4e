import type { Call } from './instance.ts'
import type { AggregateKey, Musig2, MusigSession, PreSigned } from './musig2-types.ts'
import type { KeyTweak } from './tweak.ts'
import { createPreparedKeys } from './prepared-keys.ts'
import { readInt, type Item } from './wire.ts'

const SUITE = 3 << 8

const KINDS: readonly KeyTweak['kind'][] = ['plain', 'xonly', 'taproot']

const NONE = new Uint8Array(0)

/** An unknown kind becomes 255, which the layer refuses. */
const tweakItem = ({ kind, tweak }: KeyTweak): Uint8Array => Uint8Array.of(KINDS.indexOf(kind), ...tweak)

/** Of keys that are prepared. */
const keyItems = ({ tweaks = [] }: AggregateKey): Item[] => [
  new Map(),
  0,
  new Map(tweaks.map((tweak, at) => [at + 1, tweakItem(tweak)])),
]

const sessionItems = (a: MusigSession): Item[] => [...keyItems(a), a.adaptor ?? NONE, a.message]

const preSignedItems = (a: PreSigned): Item[] => [a.publicKey, a.message, a.adaptor, a.preSignature]

/** The Rust layer's `musig2`, with names and types. */
export function createMusig2(call: Call): Musig2 {
  const prepared = createPreparedKeys(SUITE | 13)
  const one = (operation: number, ...items: Item[]) => call(SUITE | operation, items)[0] as Uint8Array
  const holds = (operation: number, ...items: Item[]) => readInt(one(operation, ...items)) === 1
  /** A call that begins with keys. */
  const withKeys = (operation: number, key: AggregateKey, items: Item[]) =>
    call(SUITE | operation, items, prepared(key))
  const oneOf = (operation: number, a: MusigSession, ...items: Item[]) =>
    withKeys(operation, a, [...sessionItems(a), ...items])[0] as Uint8Array
  return {
    keyAgg: (a) => withKeys(1, a, keyItems(a))[0] as Uint8Array,
    nonceGen: (a) => {
      const items = [...sessionItems(a), a.secretKey, a.extraIn]
      const [secnonce, pubnonce] = withKeys(3, a, items) as [Uint8Array, Uint8Array]
      return { secnonce, pubnonce }
    },
    nonceAgg: ({ pubnonces }) => one(4, pubnonces),
    sign: (a) => oneOf(5, a, a.aggnonce, a.secretKey, a.secnonce),
    partialSigVerify: (a) => readInt(oneOf(6, a, a.pubnonces, a.index, a.psig)) === 1,
    partialSigAgg: (a) => oneOf(7, a, a.pubnonces, a.psigs),
    verifyPreSignature: (a) => holds(8, ...preSignedItems(a)),
    adapt: (a) => one(9, ...preSignedItems(a), a.secret),
    extract: (a) => one(10, ...preSignedItems(a), a.signature),
    sumAdaptors: ({ adaptors }) => one(11, adaptors),
    sumSecrets: ({ secrets, of }) => one(12, of ?? NONE, secrets),
  }
}
