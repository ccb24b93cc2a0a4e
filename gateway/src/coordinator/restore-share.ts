import { Refusal } from '@quorate/shared/errors'
import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { LoadKey } from './key-cache.ts'
import type { Ports } from './ports.ts'

type Tools = Readonly<{ enclaves: Ports['enclaves']; loadKey: LoadKey; timeoutMs: number }>

/** Gives the enclave the share of this participant, of the epoch in force. Throws `key.unknown` when there is none to give. */
export async function restoreShare(
  { enclaves, loadKey, timeoutMs }: Tools,
  enclaveId: EnclaveId,
  keyId: KeyId,
  index: number,
): Promise<void> {
  const { record } = await loadKey(keyId)
  const share = record.shares.find((one) => one.index === index)
  if (share === undefined) throw new Refusal('key.unknown')
  const params = { certificate: record.certificate, index, sealedShare: share.sealed }
  await enclaves.call(enclaveId, 'key.load', params, timeoutMs)
}
