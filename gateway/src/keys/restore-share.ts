import { Refusal } from '@quorate/shared/errors'
import type { Seat } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Prepared } from '@quorate/shared/wire/refresh'
import type { Hosts, KeyRecord } from '../engine/ports.ts'
import { timeLimit } from '../engine/time-limit.ts'
import type { KeyCache } from './key-cache.ts'

type Bringing = Readonly<{ hosts: Hosts; timeoutMs: number }>
export type ShareTools = Bringing & Readonly<{ keys: Pick<KeyCache, 'load'> }>

/** Gives a host the share of its seat, with what all hosts said of that version. Throws `key.unknown` when there is none to give. */
export async function bringShare(
  { hosts, timeoutMs }: Bringing,
  { certificate, shares, prepared = [] }: KeyRecord,
  { index, host }: Seat,
): Promise<void> {
  const share = shares.find((one) => one.index === index)
  if (share === undefined) throw new Refusal('key.unknown')
  const params = { certificate, index, sealedShare: share.sealed, prepared: [...(prepared as Prepared[])] }
  const { participants } = certificate.body.roster.skeleton
  const seats = participants.map(({ host: { identity } }) => ({ host: identity.enclaveId }))
  await hosts.ask(host, 'key.load', params, timeLimit(timeoutMs, { seats, host }))
}

/** The same, of the epoch in force. */
export async function restoreShare(tools: ShareTools, keyId: KeyId, seat: Seat): Promise<void> {
  await bringShare(tools, (await tools.keys.load(keyId)).record, seat)
}
