import { isDeepStrictEqual } from 'node:util'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { ManifestOffer } from '@quorate/shared/wire/manifest'
import type { EnclaveRoot } from '../../store/store.ts'
import type { Connection } from './connection.ts'
import type { EnclaveEvents, Roots } from './enclaves.ts'
import { callOver } from './rpc.ts'

export type UnlockPorts = { roots: Roots; events: EnclaveEvents; bootMs: number }

type Hello = HostResult<'hello'>
type Booted = HostResult<'boot'>
/** Asks an enclave to open this root, or to make one. */
type Boot = (sealedRoot: string | null) => Promise<Booted>

/**
 * Brings an enclave from `hello` to an identity whose root the store holds. The store holds a new root durably before this
 * resolves, since a lost root loses every key made under it. Only the same root in another image's form replaces a stored root.
 * Throws what `boot` or the store refused with. Throws `root.invalid` when the enclave runs on a root that the store lacks, and
 * `attestation.invalid` when its identity is another than the stored one.
 */
export async function unlock(
  id: EnclaveId,
  connection: Connection,
  hello: Hello,
  { roots, events, bootMs }: UnlockPorts,
): Promise<EnclaveIdentity> {
  const stored = await roots.loadEnclaveRoot(id)
  const manifests: ManifestOffer[] = (await roots.loadManifests(id)).map(({ manifest, notice }) => ({
    manifest,
    notice,
  }))
  const boot: Boot = (sealedRoot) =>
    callOver(connection, 'boot', { sealedRoot, ...(manifests.length > 0 && { manifests }) }, bootMs)
  if (stored !== null) return reopen(id, { stored, hello, boot }, { roots, events })

  const booted = await boot(null)
  same(id, booted.identity, booted.identity, events)
  if (booted.sealedRoot === null) throw new Refusal('root.invalid')
  await roots.saveEnclaveRoot(id, { identity: booted.identity, sealedRoot: booted.sealedRoot })
  return booted.identity
}

/** Refusals of a root's form: the form before it may still open. */
const unfit: ReadonlySet<RefusalCode> = new Set(['root.invalid', 'kms.denied', 'kms.invalid'])

type Reopening = Readonly<{ stored: EnclaveRoot; hello: Hello; boot: Boot }>

/**
 * Opens the stored root, also of an enclave that is open already: its answer to the last boot may have been lost, and with it the
 * form in which it sealed its root. The former form is kept until the new one has opened in a boot of its own.
 */
async function reopen(
  id: EnclaveId,
  { stored, hello, boot }: Reopening,
  { roots, events }: Pick<UnlockPorts, 'roots' | 'events'>,
): Promise<EnclaveIdentity> {
  if (!hello.locked && hello.identity) same(id, hello.identity, stored.identity, events)
  const { identity, sealedRoot, former } = stored
  const { booted, given } = await bootEither(sealedRoot, former, boot)
  same(id, booted.identity, identity, events)
  if (booted.sealedRoot !== null) {
    await roots.saveEnclaveRoot(id, { identity, sealedRoot: booted.sealedRoot, former: given })
    events.enclaveRootTakenOver(id)
  } else if (given !== sealedRoot) {
    await roots.saveEnclaveRoot(id, { identity, sealedRoot: given, former: sealedRoot })
  } else if (former !== undefined && hello.locked) {
    await roots.saveEnclaveRoot(id, { identity, sealedRoot })
  }
  return identity
}

async function bootEither(
  sealedRoot: string,
  former: string | undefined,
  boot: Boot,
): Promise<{ booted: Booted; given: string }> {
  try {
    return { booted: await boot(sealedRoot), given: sealedRoot }
  } catch (reason) {
    if (former === undefined || !(reason instanceof Refusal && unfit.has(reason.code))) throw reason
    return { booted: await boot(former), given: former }
  }
}

function same(id: EnclaveId, said: EnclaveIdentity, expected: EnclaveIdentity, events: EnclaveEvents): EnclaveIdentity {
  if (isDeepStrictEqual(said, expected) && said.enclaveId === id) return said
  events.enclaveIdentityChanged(id)
  throw new Refusal('attestation.invalid')
}
