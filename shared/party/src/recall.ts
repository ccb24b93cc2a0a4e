import { Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { isSameLife } from '@quorate/shared/verify/lives'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Recollection } from '@quorate/shared/wire/recall'
import { learn, requiredVouchers } from './epochs.ts'
import type { Parts } from './parts.ts'
import type { HeldKey } from './vault.ts'

type Recall = Readonly<{
  [M in 'tell' | 'learn']: (params: HostParams<`recall.${M}`>) => Promise<HostResult<`recall.${M}`>>
}>

/** Another host of this key. Throws `epoch.unproven` for who is none. */
function peerOf({ keys }: Parts, { certificate }: HeldKey, index: number): EnclaveIdentity {
  const peer = certificate.roster.skeleton.participants[index - 1]?.host.identity
  if (peer === undefined || peer.signKey === keys.identity.signKey) throw new Refusal('epoch.unproven')
  return peer
}

/** The newest life that is known here of every other host of the key. */
function livesOf({ lives }: Parts, { certificate }: HeldKey): Recollection['body']['lives'] {
  const { participants } = certificate.roster.skeleton
  return [...new Set(participants.map(({ host }) => host.identity.signKey))].flatMap((signKey) => {
    const newest = lives.newest(signKey)
    return newest === null ? [] : { signKey, life: newest }
  })
}

/**
 * What is remembered of a key beside its versions, which only a host with an open share can say. A host that has only prepared the
 * first version has seen nothing yet. Throws `key.unknown` for any other.
 */
function experienceOf(parts: Parts, { keyId, index, lineage }: HostParams<'recall.tell'>) {
  const { vault, memories, grants } = parts
  const { current, prepared } = memories.of(lineage)
  if (current === null && prepared?.epoch === 0) return { lives: [], uses: [] }
  const key = vault.key(keyId, index)
  if (key.lineage !== lineage) throw new Refusal('key.other_lineage')
  return { lives: livesOf(parts, key), uses: grants.tell(lineage, granters(key), key.life) }
}

/** The participants whose owners have given a grant. */
const granters = ({ certificate }: HeldKey): number[] =>
  certificate.roster.registrations.flatMap(({ body }) => (body.grant === null ? [] : body.index))

/** Throws unless the peer itself has said this, to this life of ours, in the newest life of it that is known here. */
async function verify(parts: Parts, key: HeldKey, peer: EnclaveIdentity, recollection: Recollection): Promise<void> {
  const { peers, images, life, lives } = parts
  const { body } = recollection
  if (body.lineage !== key.lineage || body.to !== life.id) throw new Refusal('epoch.unproven')
  if (!(await verifyBody(peer.signKey, 'recollection', recollection))) throw new Refusal('epoch.unproven')
  // An image that is accepted no longer has no say.
  peers.require(peer)
  lives.see(peer.signKey, body.life)
  // The gateway has brought this life an older manifest than the peer knows: the images of that one may be revoked.
  if (body.manifest > images.serial()) throw new Refusal('manifest.stale')
}

/** The newest lives that the peer knows. Of this host it knows none that counts here. */
function hearLives({ keys, lives }: Parts, key: HeldKey, { body }: Recollection): void {
  const hosts = new Set(key.certificate.roster.skeleton.participants.map(({ host }) => host.identity.signKey))
  for (const { signKey, life } of body.lives)
    if (hosts.has(signKey) && signKey !== keys.identity.signKey) lives.hear(signKey, life)
}

/**
 * How a host that has restarted finds out what happened before: which epoch of a key, and which manifest, is the newest, which
 * processes of other hosts are over, and how often grants were used. It hears it from other hosts of the key that remember, as many
 * as any quorum has one of.
 */
export function createRecall(parts: Parts): Recall {
  const { keys, vault, memories, images, life, lives, grants, clock, log } = parts
  return {
    async tell(question) {
      const { lineage, asker, life: to } = question
      // Only a life that has been attested here, and then the ones before it are over.
      if (lives.newest(asker)?.id !== to) throw new Refusal('peer.unknown')
      const { current, prepared } = memories.of(lineage)
      const experience = experienceOf(parts, question)
      const body = { lineage, to, life, current, prepared, manifest: images.serial(), ...experience }
      return { recollection: await keys.sign('recollection', body) }
    },

    async learn({ keyId, index, from, recollection }) {
      const key = vault.key(keyId, index)
      const { lineage, certificate } = key
      const peer = peerOf(parts, key, from)
      await verify(parts, key, peer, recollection)
      hearLives(parts, key, recollection)

      const { participants, threshold } = certificate.roster.skeleton
      const { body } = recollection
      const spokenFor = participants.flatMap(({ host, index: at }) =>
        host.identity.signKey === peer.signKey ? [at] : [],
      )
      const needed = requiredVouchers(participants.length, threshold)
      const before = memories.of(lineage)
      const after = learn(before, body, { from: spokenFor, needed })
      if (after !== before) memories.keep({ keyId, lineage }, after)
      const isOver = () => !isSameLife(lives.newest(peer.signKey) ?? body.life, body.life)
      const counts = grants.learn(lineage, { from: spokenFor, uses: body.uses, isOver }, needed, clock())
      const epoch = after.current?.epoch ?? null
      log({ event: 'epoch.recalled', keyId, from, epoch })
      const isCounted = counts || key.life === life.id || granters(key).length === 0
      return { epoch, settled: epoch !== null && isCounted }
    },
  }
}
