import { Refusal } from '@quorate/shared/errors'
import type { Seat } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Hosts } from '../engine/ports.ts'
import { timeLimit } from '../engine/time-limit.ts'
import type { LoadKey } from './key-cache.ts'

export type ShareTools = Readonly<{ hosts: Hosts; loadKey: LoadKey; timeoutMs: number }>

/** Gives a host the share of its seat, of the epoch in force. Throws `key.unknown` when there is none to give. */
export async function restoreShare({ hosts, loadKey, timeoutMs }: ShareTools, keyId: KeyId, seat: Seat): Promise<void> {
  const { record } = await loadKey(keyId)
  const share = record.shares.find((one) => one.index === seat.index)
  if (share === undefined) throw new Refusal('key.unknown')
  const params = { certificate: record.certificate, index: seat.index, sealedShare: share.sealed }
  const seats = record.certificate.body.roster.skeleton.participants.map(({ host }) => ({
    host: host.identity.enclaveId,
  }))
  await hosts.ask(seat.host, 'key.load', params, timeLimit(timeoutMs, { seats, host: seat.host }))
}
