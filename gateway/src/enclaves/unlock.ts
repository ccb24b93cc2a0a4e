import { isDeepStrictEqual } from 'node:util'
import { Refusal } from '@quorate/shared/errors'
import type { EnclaveResult } from '@quorate/shared/wire/enclave-rpc'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Connection } from './connection.ts'
import type { EnclaveEvents, Roots } from './enclaves.ts'
import { callOver } from './rpc.ts'

export type UnlockPorts = { roots: Roots; events: EnclaveEvents; bootMs: number }

/**
 * Brings an enclave from `hello` to an identity that we keep the root of. A new root is durable in the store before this
 * resolves, since a key made under a root that is lost is lost. A stored root is never overwritten. Throws what `boot` or
 * the store refused with, `root.invalid` when the enclave runs on a root that we do not hold, and `attestation.invalid`
 * when it is not who it was.
 */
export async function unlock(
  id: EnclaveId,
  connection: Connection,
  hello: EnclaveResult<'hello'>,
  { roots, events, bootMs }: UnlockPorts,
): Promise<EnclaveIdentity> {
  const stored = await roots.loadEnclaveRoot(id)
  if (stored !== null && !hello.locked && hello.identity) return same(id, hello.identity, stored.identity, events)

  const booted = await callOver(connection, 'boot', { sealedRoot: stored?.sealedRoot ?? null }, bootMs)
  if (stored !== null) return same(id, booted.identity, stored.identity, events)

  same(id, booted.identity, booted.identity, events)
  if (booted.sealedRoot === null) throw new Refusal('root.invalid')
  await roots.saveEnclaveRoot(id, { identity: booted.identity, sealedRoot: booted.sealedRoot })
  return booted.identity
}

function same(id: EnclaveId, said: EnclaveIdentity, expected: EnclaveIdentity, events: EnclaveEvents): EnclaveIdentity {
  if (isDeepStrictEqual(said, expected) && said.enclaveId === id) return said
  events.enclaveIdentityChanged(id)
  throw new Refusal('attestation.invalid')
}
