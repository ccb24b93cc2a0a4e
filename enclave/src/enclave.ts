import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { ManifestOffer } from '@quorate/shared/wire/manifest'
import { createEpochChange } from './ceremony/epoch-change.ts'
import { createKeygens } from './ceremony/keygen.ts'
import { createRefreshRounds } from './ceremony/refresh.ts'
import { createTurn } from './ceremony/sessions.ts'
import { createRecall } from './ceremony/recall.ts'
import { createSignings } from './ceremony/signing.ts'
import { createGrantUses } from './policy/grant-uses.ts'
import { createImages, type Images, type OwnImage } from './policy/images.ts'
import type { Platform } from './platform/platform.ts'
import { createMemories, type Memories } from './vault/memories.ts'
import { createPeers, type Peers } from './vault/peers.ts'
import { createShares, type Shares } from './vault/shares.ts'
import { foundVault, openVault, type UnlockParts } from './vault/unlock.ts'
import type { Vault } from './vault/vault.ts'

/** What an enclave answers, method by method. Every handler throws a `Refusal` or answers. */
export type Handlers = Readonly<{ [M in HostMethod]: (params: HostParams<M>) => Promise<HostResult<M>> }>

type Boot = HostParams<'boot'>
type Unlocked = Readonly<{
  vault: Vault
  images: Images
  /** As the gateway keeps it from now on, and as it gave it. */
  sealedRoot: string
  given: Boot['sealedRoot']
  handlers: Omit<Handlers, 'hello' | 'boot'>
}>

/** From a start of the process to its end. `startedAt` in ms. */
type Life = Readonly<{ id: string; startedAt: number }>

/** An enclave on its platform. It is locked, and answers `hello` and `boot` only, until its root secret is open. */
export function createEnclave(platform: Platform): Handlers {
  const life: Life = { id: toHex(randomBytes(32)), startedAt: platform.clock() }
  const turn = createTurn()
  let unlocked: Unlocked | null = null

  const reach = (): Unlocked => {
    if (unlocked === null) throw new Refusal('enclave.locked')
    return unlocked
  }
  /** For all that works with shares or with peers: an image that the manifest in force no longer lists has no part in it. */
  const open = (): Unlocked['handlers'] => {
    const { images, handlers } = reach()
    images.requireOwn()
    return handlers
  }

  /** A repeated boot gets the same answer: the gateway may have lost the first. Another root is refused. */
  const boot: Handlers['boot'] = (params) =>
    turn(async () => {
      unlocked ??= await unlock(platform, life, params)
      const { vault, sealedRoot, given } = unlocked
      const asked = params.sealedRoot
      if (asked !== null && asked !== sealedRoot && asked !== given) throw new Refusal('root.invalid')
      return { identity: vault.identity, sealedRoot: asked === sealedRoot ? null : sealedRoot }
    })

  const hello: Handlers['hello'] = () =>
    Promise.resolve({
      bootId: life.id,
      locked: unlocked === null,
      identity: unlocked?.vault.identity ?? null,
      sealing: platform.sealing,
    })

  return { hello, boot, ...onceUnlocked(reach), ...whileListed(open) }
}

/** What an open enclave answers, whether its image is listed or not. */
const onceUnlocked = (reach: () => Unlocked) =>
  ({
    attest: (params) => reach().handlers.attest(params),
    'manifest.offer': (params) => reach().handlers['manifest.offer'](params),
    'manifest.status': (params) => reach().handlers['manifest.status'](params),
  }) satisfies Partial<Handlers>

/** What works with shares or with peers. */
const whileListed = (open: () => Unlocked['handlers']) =>
  ({
    challenge: (params) => open().challenge(params),
    introduce: (params) => open().introduce(params),
    'keygen.init': (params) => open()['keygen.init'](params),
    'keygen.register': (params) => open()['keygen.register'](params),
    'keygen.round1': (params) => open()['keygen.round1'](params),
    'keygen.round2': (params) => open()['keygen.round2'](params),
    'keygen.round3': (params) => open()['keygen.round3'](params),
    'refresh.round1': (params) => open()['refresh.round1'](params),
    'refresh.round2': (params) => open()['refresh.round2'](params),
    'refresh.round3': (params) => open()['refresh.round3'](params),
    'refresh.prepare': (params) => open()['refresh.prepare'](params),
    'refresh.install': (params) => open()['refresh.install'](params),
    'recall.tell': (params) => open()['recall.tell'](params),
    'recall.learn': (params) => open()['recall.learn'](params),
    'key.load': (params) => open()['key.load'](params),
    'signing.commit': (params) => open()['signing.commit'](params),
    'signing.partial': (params) => open()['signing.partial'](params),
    'signing.aggregate': (params) => open()['signing.aggregate'](params),
    'signing.confirm': (params) => open()['signing.confirm'](params),
  }) satisfies Partial<Handlers>

async function unlock(platform: Platform, life: Life, { sealedRoot: given, manifests = [] }: Boot): Promise<Unlocked> {
  const { clock, log } = platform
  const parts = await acceptImages(platform, manifests)
  const { vault, images, sealedRoot } =
    given === null ? await foundVault(platform, parts) : await openVault(platform, parts, fromBase64url(given))

  const peers = createPeers(vault, images, clock, log)
  const memories = createMemories()
  const shares = createShares(vault, memories)
  const handlers: Unlocked['handlers'] = {
    attest: ({ nonce }) => attest(platform, vault, nonce),
    'manifest.offer': images.offer,
    'manifest.status': ({ nonce }) => images.status(nonce),
    challenge: () => Promise.resolve({ nonce: peers.challenge() }),
    introduce: async ({ peer, nonce }) => {
      await peers.introduce(peer, nonce)
      return {}
    },
    'key.load': async ({ certificate, index, sealedShare }) => {
      await shares.load(certificate, index, fromBase64url(sealedShare))
      return {}
    },
    ...ceremonyHandlers(platform, life, parts.own, { vault, images, peers, memories, shares }),
  }
  return { vault, images, sealedRoot: toBase64url(sealedRoot), given, handlers }
}

type Holdings = Readonly<{ vault: Vault; images: Images; peers: Peers; memories: Memories; shares: Shares }>

function ceremonyHandlers(
  { mpc, clock, log }: Platform,
  { id, startedAt }: Life,
  { measurements }: OwnImage,
  { vault, images, peers, memories, shares }: Holdings,
) {
  const keygens = createKeygens({ mpc, vault, peers, memories, clock, log })
  const refreshes = createRefreshRounds({ mpc, vault, peers, shares, clock, log })
  const epochs = createEpochChange({ vault, shares, memories, log })
  const grants = createGrantUses(startedAt)
  const recall = createRecall({ vault, shares, memories, peers, images, life: id, log })
  const signings = createSignings({ mpc, vault, shares, memories, grants, measurements, startedAt, clock, log })
  return {
    'keygen.init': keygens.init,
    'keygen.register': keygens.register,
    'keygen.round1': keygens.round1,
    'keygen.round2': keygens.round2,
    'keygen.round3': keygens.round3,
    'refresh.round1': refreshes.round1,
    'refresh.round2': refreshes.round2,
    'refresh.round3': refreshes.round3,
    'refresh.prepare': epochs.prepare,
    'refresh.install': epochs.install,
    'recall.tell': recall.tell,
    'recall.learn': recall.learn,
    'signing.commit': signings.commit,
    'signing.partial': signings.partial,
    'signing.aggregate': signings.aggregate,
    'signing.confirm': signings.confirm,
  } satisfies Partial<Handlers>
}

/** The document of this enclave: E, the digest of its identity, and the asker's nonce. */
async function attest({ nsm }: Platform, vault: Vault, nonce: string): Promise<HostResult<'attest'>> {
  const { identity } = vault
  const publicKey = fromHex(identity.sealKey)
  const userData = taggedHash('identity', identity)
  const document = await nsm.attest({ publicKey, userData, nonce: fromHex(nonce) })
  return { identity, document: toBase64url(document) }
}

/** What this image is, and which it accepts beside it under the keys of a vault that is being opened. */
async function acceptImages(platform: Platform, manifests: readonly ManifestOffer[]): Promise<UnlockParts> {
  const own = await ownImage(platform)
  return {
    own,
    imagesOf: async (vault) => {
      const images = createImages({ ...platform, vault, own })
      for (const offer of manifests) await images.offer(offer).catch(ignoreRefusal)
      return images
    },
  }
}

/** A manifest that is refused at boot is as if it had not been given: `manifest.offer` says why. */
function ignoreRefusal(reason: unknown): void {
  if (!(reason instanceof Refusal)) throw reason
}

async function ownImage({ nsm }: Platform): Promise<OwnImage> {
  const read = async (index: number) => toHex((await nsm.describePcr(index)).value)
  return { measurements: { 0: await read(0), 1: await read(1), 2: await read(2) }, signer: await read(8) }
}
