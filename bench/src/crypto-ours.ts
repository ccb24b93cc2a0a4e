import type { Frost } from '@quorate/shared/mpc'
import type { Prepare } from './operation.ts'

type ByIndex = Map<number, Uint8Array>

const each = <T>(of: readonly number[], make: (index: number) => T): Map<number, T> =>
  new Map(of.map((index) => [index, make(index)]))

function get<T>(map: ReadonlyMap<number, T>, index: number): T {
  const value = map.get(index)
  if (value === undefined) throw new Error(`nothing of participant ${index}`)
  return value
}

/** A DKG 2-of-3 up to what participant 1 does last. */
function ceremony(frost: Frost) {
  const all = [1, 2, 3]
  const others = (own: number, pick: (index: number) => Uint8Array): ByIndex =>
    each(
      all.filter((index) => index !== own),
      pick,
    )
  const first = each(all, (index) => frost.dkgPart1({ index, participants: 3, threshold: 2 }))
  const part2 = (own: number) =>
    frost.dkgPart2({ secret: get(first, own).secret, packages: others(own, (index) => get(first, index).package) })
  const second = each(all, part2)
  const part3 = (own: number) =>
    frost.dkgPart3({
      secret: get(second, own).secret,
      round1: others(own, (index) => get(first, index).package),
      round2: others(own, (index) => get(get(second, index).packages, own)),
    })
  return { part2: () => part2(1), part3: () => part3(1), keys: each([1, 2], part3) }
}

export function ourOperations(frost: Frost): Prepare {
  const { part2, part3, keys } = ceremony(frost)
  const { publicKeys } = get(keys, 1)
  const { groupKey } = frost.describe({ publicKeys })

  return () => {
    const message = crypto.getRandomValues(new Uint8Array(32))
    const round = each([1, 2], (index) => frost.commit(get(keys, index)))
    const commitments = each([1, 2], (index) => get(round, index).commitments)
    const sign = (index: number) =>
      frost.sign({ share: get(keys, index).share, nonces: get(round, index).nonces, commitments, message })
    const partials = each([1, 2], sign)
    const aggregate = () => frost.aggregate({ publicKeys, commitments, partials, message })
    const signature = aggregate()
    return [
      { name: 'dkg-1', run: () => frost.dkgPart1({ index: 1, participants: 3, threshold: 2 }) },
      { name: 'dkg-2', run: part2 },
      { name: 'dkg-3', run: part3 },
      { name: 'commit', run: () => frost.commit(get(keys, 1)) },
      { name: 'sign', run: () => sign(1) },
      { name: 'aggregate', run: aggregate },
      { name: 'verify', run: () => frost.verify({ publicKey: groupKey, message, signature }) },
    ]
  }
}
