import type { Skeleton } from '../wire/keygen.ts'

type Spread = Readonly<{
  threshold: number
  participants: readonly Readonly<{ host: Readonly<{ identity: Readonly<{ signKey: string }> }> }>[]
}>

/** The most shares that any one host of these participants holds. Hosts are told apart by V. */
export function mostAtOneHost({ participants }: Pick<Spread, 'participants'>): number {
  const held = new Map<string, number>()
  for (const { host } of participants) held.set(host.identity.signKey, (held.get(host.identity.signKey) ?? 0) + 1)
  return Math.max(0, ...held.values())
}

/** May a host that holds so many shares of this key hold them? A quorum only if the frame says so. */
export const maySitTogether = (
  { threshold, spread }: Pick<Skeleton, 'threshold' | 'spread'>,
  shares: number,
): boolean => shares < threshold || spread === 'quorum_in_one_host'
