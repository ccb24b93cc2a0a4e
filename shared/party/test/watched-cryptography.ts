import type { Frost, Mpc } from '@quorate/shared/mpc'
import { introduceAll, startHosts } from './host.ts'

/** What the cryptography of the first host has given it to keep. */
export const kept: Uint8Array[] = []
const keeping =
  <A, R>(call: (args: A) => R, secretOf: (result: R) => Uint8Array) =>
  (args: A): R => {
    const result = call(args)
    kept.push(secretOf(result))
    return result
  }
/** Puts what it draws where a test can see it. */
export const watched = (frost: Frost): Frost => ({
  ...frost,
  dkgPart1: keeping(
    (args: Parameters<Frost['dkgPart1']>[0]) => frost.dkgPart1(args),
    ({ secret }) => secret,
  ),
  dkgPart2: keeping(
    (args: Parameters<Frost['dkgPart2']>[0]) => frost.dkgPart2(args),
    ({ secret }) => secret,
  ),
  refreshPart1: keeping(
    (args: Parameters<Frost['refreshPart1']>[0]) => frost.refreshPart1(args),
    ({ secret }) => secret,
  ),
  commit: keeping(
    (args: Parameters<Frost['commit']>[0]) => frost.commit(args),
    ({ nonces }) => nonces,
  ),
})
/** Gives each of the others what was meant for another. */
export const mistaken = (frost: Frost): Frost => ({
  ...frost,
  dkgPart2(args) {
    const dealt = frost.dkgPart2(args)
    const [to, packages] = [[...dealt.packages.keys()], [...dealt.packages.values()].reverse()]
    return { ...dealt, packages: new Map(to.map((index, at) => [index, packages[at]!])) }
  },
})

/** A group of hosts who know each other, of which number `who` (0…) has other cryptography. */
export async function groupWith(who: number, change: (frost: Frost) => Frost) {
  const mpcOf = (at: number, mpc: Mpc): Mpc =>
    at === who ? { ...mpc, frost: (scheme) => change(mpc.frost(scheme)) } : mpc
  const group = await startHosts({ mpcOf })
  await introduceAll(group.members)
  return group
}
