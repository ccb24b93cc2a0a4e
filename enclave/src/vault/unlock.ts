import type { HostKeys } from '@quorate/party/ports'
import type { Images, OwnImage } from '../policy/images.ts'
import type { Platform } from '../platform/platform.ts'
import { certifyBirth, verifyBirth } from './birth.ts'
import { drawRoot, openRoot, sealRoot } from './root.ts'
import { deriveHostKeys } from '@quorate/party/host-keys'

/** The keys of an open root secret, the images that are accepted under them, and the sealed form of that root that the gateway keeps. */
export type OpenRoot = Readonly<{ keys: HostKeys; images: Images; sealedRoot: Uint8Array }>

/** `imagesOf`: what is accepted under these keys, which sign the notices of the manifests. */
export type UnlockParts = Readonly<{ own: OwnImage; imagesOf: (keys: HostKeys) => Promise<Images> }>

/** On a new root, with its birth document. Throws `kms.*`. */
export async function foundRoot(platform: Platform, { imagesOf }: UnlockParts): Promise<OpenRoot> {
  const { mpc, nsm, kms, enclaveId, log } = platform
  const root = await drawRoot(nsm, kms)
  try {
    const keys = await deriveHostKeys(mpc, enclaveId, root)
    const birth = await certifyBirth(nsm, keys.identity)
    const sealedRoot = await sealRoot(platform, root, birth)
    log({ event: 'root.created', signKey: keys.identity.signKey })
    return { keys, images: await imagesOf(keys), sealedRoot }
  } catch (error) {
    root.fill(0)
    throw error
  }
}

/**
 * On a root that was sealed before. It must have been drawn by this image, or by one that the manifest in force under that root's own V
 * lists beside this one; then it is sealed anew with a birth document of this image, for the gateway to keep in place of
 * the old one. Throws `root.invalid` or `kms.*`.
 */
export async function openSealedRoot(
  platform: Platform,
  parts: UnlockParts,
  sealedRoot: Uint8Array,
): Promise<OpenRoot> {
  const { mpc, nsm, enclaveId, clock, log } = platform
  const { own, imagesOf } = parts
  const { root, birth } = await openRoot(platform, sealedRoot)
  try {
    const keys = await deriveHostKeys(mpc, enclaveId, root)
    const images = await imagesOf(keys)
    const born = await verifyBirth(birth, keys.identity, { policy: images.births(), now: clock() })
    const ours = ['0', '1', '2'].every((index) => born[index] === own.measurements[index])
    const kept = ours ? sealedRoot : await sealRoot(platform, root, await certifyBirth(nsm, keys.identity))
    log({ event: ours ? 'root.opened' : 'root.taken_over', signKey: keys.identity.signKey })
    return { keys, images, sealedRoot: kept }
  } catch (error) {
    root.fill(0)
    throw error
  }
}
