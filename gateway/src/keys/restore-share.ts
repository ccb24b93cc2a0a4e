import { Refusal } from '@quorate/shared/errors'
import type { Seat } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Prepared } from '@quorate/shared/wire/refresh'
import type { Hosts } from '../engine/ports.ts'
import { timeLimit } from '../engine/time-limit.ts'
import type { LoadKey } from './key-cache.ts'

export type ShareTools = Readonly<{ hosts: Hosts; loadKey: LoadKey; timeoutMs: number }>

/** Gives a host the share of its seat, of the epoch in force, with what all hosts said of it. Throws `key.unknown` when there is none to give. */
export async function restoreShare({ hosts, loadKey, timeoutMs }: ShareTools, keyId: KeyId, seat: Seat): Promise<void> {
  const { certificate, shares, prepared = [] } = (await loadKey(keyId)).record
  const share = shares.find((one) => one.index === seat.index)
  if (share === undefined) throw new Refusal('key.unknown')
  const params = { certificate, index: seat.index, sealedShare: share.sealed, prepared: [...(prepared as Prepared[])] }
  const seats = certificate.body.roster.skeleton.participants.map(({ host }) => ({
    host: host.identity.enclaveId,
  }))
  await hosts.ask(seat.host, 'key.load', params, timeLimit(timeoutMs, { seats, host: seat.host }))
}
