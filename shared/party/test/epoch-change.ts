import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import type { MadeKey } from './made-key.ts'
import type { Member } from './host.ts'

/** The share of a seat, as an honest gateway brings it once all hosts have prepared it. */
export const shareAt = ({ certificate, sealedShares, prepared }: MadeKey, index: number): HostParams<'key.load'> => ({
  ...{ certificate, index, sealedShare: sealedShares.get(index)! },
  prepared: [...prepared],
})

const kindOf = ({ certificate }: MadeKey) => (certificate.body.epoch === 0 ? 'keygen' : 'refresh')

export async function prepareAt(next: MadeKey, index: number): Promise<Prepared> {
  const { certificate, sealedShare } = shareAt(next, index)
  const host = next.plan.hosts.get(index)!
  return (await host.call(`${kindOf(next)}.prepare`, { certificate, index, sealedShare })).prepared
}

export async function prepareAll(next: MadeKey): Promise<Prepared[]> {
  const prepared: Prepared[] = []
  for (const index of next.plan.hosts.keys()) prepared.push(await prepareAt(next, index))
  return prepared
}

export async function installAt(next: MadeKey, index: number, prepared: Prepared[]): Promise<Installed> {
  const host = next.plan.hosts.get(index)!
  return (await host.call(`${kindOf(next)}.install`, { ...shareAt(next, index), prepared })).installed
}

/** Both steps by an honest gateway, from which all hosts are at the version that they have certified. */
export async function agree<M extends Member>(next: MadeKey<M>): Promise<MadeKey<M>> {
  const prepared = await prepareAll(next)
  const installed: Installed[] = []
  for (const index of next.plan.hosts.keys()) installed.push(await installAt(next, index, prepared))
  return { ...next, prepared, installed }
}
