import { MpcError } from './error.ts'
import type { Frost, Scheme, Tweak } from './frost-types.ts'
import type { Call } from './instance.ts'
import { readInt, readMap, type Item } from './wire.ts'

const SUITE: Record<Scheme, number> = { 'frost-secp256k1-tr': 1, 'frost-ed25519': 2 }

type Bytes = Uint8Array

/** Group keys have an even Y, so that a plain tweak is an x-only one. */
const KINDS: ReadonlyMap<string, number> = new Map([
  ['taproot', 1],
  ['plain', 2],
  ['xonly', 2],
])

/** Zero, or the kind of the tweak and its bytes. An unknown kind becomes 255, which the layer refuses. */
function tweakItem(tweak: Tweak | undefined): Bytes {
  return tweak == null ? Uint8Array.of(0) : Uint8Array.of(KINDS.get(tweak.kind) ?? 255, ...tweak.tweak)
}

function helpersItem(helpers: readonly number[]): Map<number, Bytes> {
  const map = new Map(helpers.map((index) => [index, new Uint8Array(0)]))
  if (map.size !== helpers.length) throw new MpcError('invalid_input')
  return map
}

/** The Rust layer's operations by their numbers, with names and types. */
export function createFrost(call: Call, scheme: Scheme): Frost {
  const suite = SUITE[scheme] << 8
  const one = (operation: number, ...items: Item[]): Bytes => call(suite | operation, items)[0] as Bytes
  const two = (operation: number, ...items: Item[]) => call(suite | operation, items) as [Bytes, Bytes]
  const holds = (operation: number, ...items: Item[]) => readInt(one(operation, ...items)) === 1
  const opening = ([secret, own]: [Bytes, Bytes]) => ({ secret, package: own })
  const dealing = ([secret, packages]: [Bytes, Bytes]) => ({ secret, packages: readMap(packages) })
  const closing = ([share, publicKeys]: [Bytes, Bytes]) => ({ share, publicKeys })

  return {
    dkgPart1: (a) => opening(two(1, a.index, a.participants, a.threshold)),
    dkgPart2: (a) => dealing(two(2, a.secret, a.packages)),
    dkgPart3: (a) => closing(two(3, a.secret, a.round1, a.round2)),
    dealerSplit: (a) => {
      const [shares, publicKeys] = two(4, a.secretKey, a.participants, a.threshold)
      return { shares: readMap(shares), publicKeys }
    },
    verifyShare: (a) => holds(12, a.share, a.publicKeys),

    commit: (a) => {
      const [nonces, commitments] = two(5, a.share)
      return { nonces, commitments }
    },
    sign: (a) => one(6, a.share, a.nonces, a.commitments, a.message, tweakItem(a.tweak)),
    aggregate: (a) => one(7, a.publicKeys, a.commitments, a.partials, a.message, tweakItem(a.tweak)),
    verifyPartial: (a) => holds(8, a.publicKeys, a.index, a.commitments, a.partial, a.message, tweakItem(a.tweak)),
    verify: (a) => holds(9, a.publicKey, a.message, a.signature),

    describe: (a) => {
      const [groupKey, shares, threshold] = call(suite | 10, [a.publicKeys]) as [Bytes, Bytes, Bytes]
      return { groupKey, verifyingShares: readMap(shares), threshold: readInt(threshold) }
    },
    publicKeysFrom: (a) => one(11, a.groupKey, a.verifyingShares, a.threshold),
    tweakedKey: (a) => one(13, a.groupKey, tweakItem(a.tweak)),

    refreshPart1: (a) => opening(two(14, a.index, a.participants, a.threshold)),
    refreshPart2: (a) => dealing(two(15, a.secret, a.packages)),
    refreshPart3: (a) => closing(two(16, a.secret, a.round1, a.round2, a.share, a.publicKeys)),
    repairPart1: (a) => readMap(one(17, a.share, helpersItem(a.helpers), a.lost)),
    repairPart2: (a) => one(18, a.deltas),
    repairPart3: (a) => one(19, a.index, a.sigmas, a.publicKeys),
  }
}
