import { Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { learn, remembers } from './epochs.ts'
import type { Parts } from './parts.ts'

type Recall = Readonly<{
  [M in 'tell' | 'learn']: (params: HostParams<`recall.${M}`>) => Promise<HostResult<`recall.${M}`>>
}>

/**
 * How a host that has restarted finds out which epoch of a key, and which manifest, is the newest: from another host of the key
 * that remembers.
 */
export function createRecall({ keys, vault, memories, peers, images, life, log }: Parts): Recall {
  return {
    async tell({ keyId, life: asker }) {
      const { current, prepared } = memories.of(keyId)
      const body = { keyId, life: asker, current, prepared, manifest: images.serial() }
      return { recollection: await keys.sign('recollection', body) }
    },

    async learn({ keyId, index, from, recollection }) {
      const { body } = recollection
      const { participants } = vault.key(keyId, index).certificate.roster.skeleton
      const peer = participants[from - 1]?.host.identity
      if (peer === undefined || peer.signKey === keys.identity.signKey || body.keyId !== keyId || body.life !== life.id)
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
