import { Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { learn, requiredVouchers } from './epochs.ts'
import type { Parts } from './parts.ts'

type Recall = Readonly<{
  [M in 'tell' | 'learn']: (params: HostParams<`recall.${M}`>) => Promise<HostResult<`recall.${M}`>>
}>

/**
 * How a host that has restarted finds out which epoch of a key, and which manifest, is the newest: from other hosts of the key
 * that remember, as many as any quorum has one of.
 */
export function createRecall({ keys, vault, memories, peers, images, life, log }: Parts): Recall {
  return {
    async tell({ lineage, life: asker }) {
      const { current, prepared } = memories.of(lineage)
      const body = { lineage, life: asker, current, prepared, manifest: images.serial() }
      return { recollection: await keys.sign('recollection', body) }
    },

    async learn({ keyId, index, from, recollection }) {
      const { body } = recollection
      const { certificate, lineage } = vault.key(keyId, index)
      const { participants, threshold } = certificate.roster.skeleton
      const peer = participants[from - 1]?.host.identity
      if (peer === undefined || peer.signKey === keys.identity.signKey) throw new Refusal('epoch.unproven')
      if (body.lineage !== lineage || body.life !== life.id) throw new Refusal('epoch.unproven')
      if (!(await verifyBody(peer.signKey, 'recollection', recollection))) throw new Refusal('epoch.unproven')

      // An image that is accepted no longer has no say.
      peers.require(peer)
      // The gateway has brought this life an older manifest than the peer knows: the images of that one may be revoked.
      if (body.manifest > images.serial()) throw new Refusal('manifest.stale')
      const spokenFor = participants.filter(({ host }) => host.identity.signKey === peer.signKey)
      const before = memories.of(lineage)
      const after = learn(before, body, {
        from: spokenFor.map(({ index: at }) => at),
        needed: requiredVouchers(participants.length, threshold),
      })
      if (after !== before) memories.keep({ keyId, lineage }, after)
      const epoch = after.current?.epoch ?? null
      log({ event: 'epoch.recalled', keyId, from, epoch })
      return { epoch }
    },
  }
}
