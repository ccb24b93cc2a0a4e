import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { isSameLife } from '@quorate/shared/verify/lives'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SignKey } from '@quorate/shared/wire/ids'
import {
  MAX_RECALLED_PARTICIPANTS,
  MAX_RECALLED_PARTS,
  MAX_RECALLED_TALLIES,
  type Recollection,
  type Remembered,
} from '@quorate/shared/wire/recall'
import { learn, requiredVouchers } from './epochs.ts'
import type { Parts } from './parts.ts'
import type { HeldKey } from './vault.ts'

type Recall = Readonly<{
  [M in 'tell' | 'learn']: (params: HostParams<`recall.${M}`>) => Promise<HostResult<`recall.${M}`>>
}>

type Asked = HostParams<'recall.tell'>['keys'][number]
type Refused = HostResult<'recall.tell'>['refused']
type Learned = HostResult<'recall.learn'>['learned']

/** A peer that is a host of this key, and these participants' of it. Throws `epoch.unproven` for who is none. */
function peerOf(
  { keys }: Parts,
  { certificate }: HeldKey,
  signKey: SignKey,
): { peer: EnclaveIdentity; from: number[] } {
  const hosted = certificate.roster.skeleton.participants.filter(({ host }) => host.identity.signKey === signKey)
  const [first] = hosted
  if (first === undefined || signKey === keys.identity.signKey) throw new Refusal('epoch.unproven')
  return { peer: first.host.identity, from: hosted.map(({ index }) => index) }
}

/** The hosts of a key. */
const hostsOf = ({ certificate }: HeldKey): SignKey[] =>
  certificate.roster.skeleton.participants.map(({ host }) => host.identity.signKey)

/** The newest life that is known here of each of these hosts. */
const livesOf = ({ lives }: Parts, hosts: ReadonlySet<SignKey>): Recollection['body']['lives'] =>
  [...hosts].flatMap((signKey) => {
    const newest = lives.newest(signKey)
    return newest === null ? [] : { signKey, life: newest }
  })

/** The participants of a key, and those of them that this host has. */
function participantsOf({ keys }: Parts, { certificate }: HeldKey) {
  const { participants } = certificate.roster.skeleton
  const others = participants.filter(({ host }) => host.identity.signKey !== keys.identity.signKey)
  return { indices: participants.map(({ index }) => index), others: others.map(({ index }) => index) }
}

/**
 * What is remembered of a key, and its hosts. Beside its versions only a host with an open share can say anything. A host that has only
 * prepared the first version has seen nothing yet. Throws `key.unknown` for any other.
 */
function memoryOf(parts: Parts, { keyId, index, lineage }: Asked): { key: Remembered; hosts: SignKey[] } {
  const { vault, memories, grants, floors, clock } = parts
  const { current, prepared } = memories.of(lineage)
  const versions = { lineage, current, prepared }
  if (current === null && prepared?.epoch === 0)
    return { key: { ...versions, uses: [], pasts: [], books: [], complete: [] }, hosts: [] }
  const key = vault.key(keyId, index)
  if (key.lineage !== lineage) throw new Refusal('key.other_lineage')
  const { indices } = participantsOf(parts, key)
  const uses = grants.tell(lineage, indices, key.life, clock())
  return { key: { ...versions, ...uses, ...floors.tell(lineage, indices, key.life) }, hosts: hostsOf(key) }
}

/** Who says this of one key of a peer says it of all of them. */
const ofPeer: ReadonlySet<RefusalCode> = new Set(['peer.unknown', 'life.retired', 'manifest.stale'])

/** Runs `each` for one key after the other. A refusal speaks of its key alone, unless it is about the peer. */
function forEach<K extends Readonly<{ keyId: Asked['keyId'] }>>(keys: readonly K[], each: (key: K) => void): Refused {
  return keys.flatMap((key) => {
    try {
      each(key)
      return []
    } catch (error) {
      if (!(error instanceof Refusal) || ofPeer.has(error.code)) throw error
      return { keyId: key.keyId, code: error.code }
    }
  })
}

/** What this takes of one answer's room. */
const sizeOf = ({ uses, pasts }: Remembered) => ({
  parts: uses.reduce((sum, { parts }) => sum + parts.length, 0),
  tallies: pasts.reduce((sum, { renewed }) => sum + renewed.length, uses.length),
  participants: pasts.length,
})

/** What is remembered of these keys: of as many, in their order, as one answer holds. */
function rememberAll(parts: Parts, keys: readonly Asked[]) {
  const remembered: Remembered[] = []
  const hosts = new Set<SignKey>()
  const room = { parts: MAX_RECALLED_PARTS, tallies: MAX_RECALLED_TALLIES, participants: MAX_RECALLED_PARTICIPANTS }
  let isFull = false
  const refused = forEach(keys, (asked) => {
    if (isFull) return
    const { key, hosts: those } = memoryOf(parts, asked)
    const size = sizeOf(key)
    room.parts -= size.parts
    room.tallies -= size.tallies
    room.participants -= size.participants
    isFull = Object.values(room).some((left) => left < 0)
    if (isFull) return
    remembered.push(key)
    for (const host of those) hosts.add(host)
  })
  return { remembered, hosts, refused }
}

/** The newest lives that the peer knows of the hosts of a key. Of this host it knows none that counts here. */
function hearLives({ keys, lives }: Parts, key: HeldKey, { body }: Recollection): void {
  const hosts = new Set(hostsOf(key))
  for (const { signKey, life } of body.lives)
    if (hosts.has(signKey) && signKey !== keys.identity.signKey) lives.hear(signKey, life)
}

type Told = Readonly<{ from: SignKey; recollection: Recollection }>

/** Takes over what a peer has said of one key, under its signature. */
function learnOne(
  parts: Parts,
  { keyId, index }: HostParams<'recall.learn'>['keys'][number],
  { from: signKey, recollection }: Told,
): Learned[number] {
  const { peers, images, vault, memories, lives, grants, floors, clock, log } = parts
  const { body } = recollection
  const key = vault.key(keyId, index)
  const { lineage, certificate } = key
  const { peer, from } = peerOf(parts, key, signKey)
  const said = body.keys.find((one) => one.lineage === lineage)
  if (said === undefined) throw new Refusal('epoch.unproven')
  // An image that is accepted no longer has no say.
  peers.require(peer)
  lives.see(signKey, body.life)
  // The gateway has brought this life an older manifest than the peer knows: the images of that one may be revoked.
  if (body.manifest > images.serial()) throw new Refusal('manifest.stale')
  hearLives(parts, key, recollection)

  const { participants, threshold } = certificate.roster.skeleton
  const needed = requiredVouchers(participants.length, threshold)
  const before = memories.of(lineage)
  const after = learn(before, said, { from, needed })
  if (after !== before) memories.keep({ keyId, lineage }, after)
  const isOver = () => !isSameLife(lives.newest(signKey) ?? body.life, body.life)
  const word = { ...said, from, isOver }
  const hasBooks = floors.learn(lineage, word, { ...participantsOf(parts, key), needed })
  grants.learn(lineage, word, needed, clock())
  const epoch = after.current?.epoch ?? null
  log({ event: 'epoch.recalled', keyId, from: from[0] ?? 0, epoch })
  return { keyId, epoch, settled: epoch !== null && hasBooks && grants.isKnown(lineage, key.life) }
}

/**
 * How a host that has restarted finds out what happened before: which epoch of its keys, and which manifest, is the newest, which
 * processes of other hosts are over, how often grants were used, and which book of them is the newest. It hears it from other hosts of a key that remember, as many
 * as any quorum has one of. One of them says what it remembers of many keys at once.
 */
export function createRecall(parts: Parts): Recall {
  const { keys, images, life, lives } = parts
  return {
    async tell({ asker, life: to, keys: asked }) {
      // Only a life that has been attested here, and then the ones before it are over.
      if (lives.newest(asker)?.id !== to) throw new Refusal('peer.unknown')
      const { remembered, hosts, refused } = rememberAll(parts, asked)
      const body = { to, life, manifest: images.serial(), lives: livesOf(parts, hosts), keys: remembered }
      return { recollection: await keys.sign('recollection', body), refused }
    },

    async learn({ from, keys: asked, recollection }) {
      if (recollection.body.to !== life.id) throw new Refusal('epoch.unproven')
      if (!(await verifyBody(from, 'recollection', recollection))) throw new Refusal('epoch.unproven')
      const learned: Learned = []
      // From here on without an `await`: what is known of a key does not change between a look at it and a change of it.
      const refused = forEach(asked, (one) => void learned.push(learnOne(parts, one, { from, recollection })))
      return { learned, refused }
    },
  }
}
