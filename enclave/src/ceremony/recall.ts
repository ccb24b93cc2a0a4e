import { Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveLog } from '../events.ts'
import type { Images } from '../policy/images.ts'
import { learn, remembers } from '../vault/epochs.ts'
import type { Memories } from '../vault/memories.ts'
import type { Peers } from '../vault/peers.ts'
import type { Shares } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'

/** `life`: the `bootId` of this enclave. */
type Ports = Readonly<{
  vault: Vault
  shares: Shares
  memories: Memories
  peers: Peers
  images: Pick<Images, 'serial'>
  life: string
  log: EnclaveLog
}>

type Recall = Readonly<{
  [M in 'tell' | 'learn']: (params: HostParams<`recall.${M}`>) => Promise<HostResult<`recall.${M}`>>
}>

/**
 * How an enclave that has restarted finds out which epoch of a key, and which manifest, is the newest: from another host of the key
 * that remembers.
 */
export function createRecall({ vault, shares, memories, peers, images, life, log }: Ports): Recall {
  return {
    async tell({ keyId, life: asker }) {
      const { current, prepared } = memories.of(keyId)
      const body = { keyId, life: asker, current, prepared, manifest: images.serial() }
      return { recollection: await vault.sign('recollection', body) }
    },

    async learn({ keyId, index, from, recollection }) {
      const { body } = recollection
      const { participants } = shares.get(keyId, index).certificate.roster.skeleton
      const peer = participants[from - 1]?.host.identity
      if (peer === undefined || peer.signKey === vault.identity.signKey || body.keyId !== keyId || body.life !== life)
        throw new Refusal('epoch.unproven')
      if (!(await verifyBody(peer.signKey, 'recollection', recollection))) throw new Refusal('epoch.unproven')

      // An image that is accepted no longer has no say.
      peers.require(peer)
      // The gateway has brought this life an older manifest than the peer knows: the images of that one may be revoked.
      if (body.manifest > images.serial()) throw new Refusal('manifest.stale')
      const after = learn(memories.of(keyId), body)
      if (remembers(after)) memories.keep(keyId, after)
      const epoch = after.current?.epoch ?? null
      log({ event: 'epoch.recalled', keyId, from, epoch })
      return { epoch }
    },
  }
}
