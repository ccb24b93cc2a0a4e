import { setImmediate as nextTurn } from 'node:timers/promises'
import { randomBytes } from '@noble/hashes/utils.js'
import { createParty, type Party } from '@quorate/party/party'
import type { Alarm, GiveWay, HostKeys } from '@quorate/party/ports'
import { createTurn } from '@quorate/party/turn'
import { Refusal } from '@quorate/shared/errors'
import { attestedDigest } from '@quorate/shared/attestation/verify'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import {
  partyMethods,
  type EnclaveMethod,
  type HostMethod,
  type HostParams,
  type HostResult,
} from '@quorate/shared/ceremonies/host-methods'
import type { Life, Presence } from '@quorate/shared/wire/identity'
import type { ManifestOffer } from '@quorate/shared/wire/manifest'
import { createImages, type Images, type OwnImage } from './policy/images.ts'
import type { Platform } from './platform/platform.ts'
import { foundRoot, openSealedRoot, type UnlockParts } from './vault/unlock.ts'

/** What an enclave answers, method by method. Every handler throws a `Refusal` or answers. */
export type Handlers = Readonly<{ [M in HostMethod]: (params: HostParams<M>) => Promise<HostResult<M>> }>

type Boot = HostParams<'boot'>
/** What an enclave answers about itself once it is open, whether its image is listed or not. */
type OfItself = Omit<Pick<Handlers, EnclaveMethod>, 'hello' | 'boot'>
type Unlocked = Readonly<{
  identity: HostKeys['identity']
  images: Images
  /** As the gateway keeps it from now on, and as it gave it. */
  sealedRoot: string
  given: Boot['sealedRoot']
  ofItself: OfItself
  party: Party
}>

/** No timer of a party keeps a process alive. */
const alarm: Alarm = (ms, ring) => {
  const timer = setTimeout(ring, ms).unref()
  return () => clearTimeout(timer)
}

/** One turn of the event loop, in which sockets are read. */
const giveWay: GiveWay = () => nextTurn()

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
  const whileListed = (): Party => {
    const { images, party } = reach()
    images.requireOwn()
    return party
  }

  /** A repeated boot gets the same answer: the gateway may have lost the first. Another root is refused. */
  const boot: Handlers['boot'] = (params) =>
    turn(async () => {
      unlocked ??= await unlock(platform, life, params)
      const { identity, sealedRoot, given } = unlocked
      const asked = params.sealedRoot
      if (asked !== null && asked !== sealedRoot && asked !== given) throw new Refusal('root.invalid')
      return { identity, sealedRoot: asked === sealedRoot ? null : sealedRoot }
    })

  const hello: Handlers['hello'] = () =>
    Promise.resolve({
      bootId: life.id,
      locked: unlocked === null,
      retired: unlocked?.images.isListed() === false,
      identity: unlocked?.identity ?? null,
      sealing: platform.sealing,
    })

  return {
    hello,
    boot,
    attest: (params) => reach().ofItself.attest(params),
    'manifest.offer': (params) => reach().ofItself['manifest.offer'](params),
    'manifest.status': (params) => reach().ofItself['manifest.status'](params),
    ...asked(whileListed),
  }
}

/** A party that is looked up anew for each question. Its refusal is a rejection, whenever it comes. */
function asked(of: () => Party): Party {
  const methods = Object.keys(partyMethods) as (keyof Party)[]
  const handlers = methods.map((method) => {
    const handle = async (params: never): Promise<unknown> => of()[method](params)
    return [method, handle] as const
  })
  return Object.fromEntries(handlers) as unknown as Party
}

async function unlock(platform: Platform, life: Life, { sealedRoot: given, manifests = [] }: Boot): Promise<Unlocked> {
  const { clock, log, mpc } = platform
  const parts = await acceptImages(platform, manifests)
  const { keys, images, sealedRoot } =
    given === null ? await foundRoot(platform, parts) : await openSealedRoot(platform, parts, fromBase64url(given))
  const { measurements } = parts.own
  return {
    identity: keys.identity,
    images,
    sealedRoot: toBase64url(sealedRoot),
    given,
    ofItself: {
      attest: ({ nonce }) =>
        attest(platform, keys, { life, sealing: platform.sealing, manifest: images.serial() }, nonce),
      'manifest.offer': images.offer,
      'manifest.status': ({ nonce }) => images.status(nonce),
    },
    party: createParty({ mpc, keys, images, measurements, life, clock, alarm, giveWay, log }),
  }
}

/** The document of this enclave: E, the digest of its identity and presence, and the asker's nonce. */
async function attest(
  { nsm }: Platform,
  { identity }: HostKeys,
  presence: Presence,
  nonce: string,
): Promise<HostResult<'attest'>> {
  const publicKey = fromHex(identity.sealKey)
  const userData = attestedDigest({ identity, presence })
  const document = await nsm.attest({ publicKey, userData, nonce: fromHex(nonce) })
  return { identity, presence, document: toBase64url(document) }
}

/** What this image is, and which it accepts beside it under the keys of a root that is being opened. */
async function acceptImages(platform: Platform, manifests: readonly ManifestOffer[]): Promise<UnlockParts> {
  const own = await ownImage(platform)
  return {
    own,
    imagesOf: async (keys) => {
      const images = createImages({ ...platform, keys, own })
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
