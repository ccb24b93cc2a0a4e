import type { Images, OwnImage } from '../policy/images.ts'
import type { Platform } from '../platform/platform.ts'
import { certifyBirth, verifyBirth } from './birth.ts'
import { drawRoot, openRoot, sealRoot } from './root.ts'
import { createVault, type Vault } from './vault.ts'

/** A vault on its open root secret, the images that it accepts, and the sealed form of that root that the gateway keeps. */
export type OpenVault = Readonly<{ vault: Vault; images: Images; sealedRoot: Uint8Array }>

/** `imagesOf`: what is accepted under the keys of this vault, which sign the notices of the manifests. */
export type UnlockParts = Readonly<{ own: OwnImage; imagesOf: (vault: Vault) => Promise<Images> }>

/** On a new root, with its birth document. Throws `kms.*`. */
export async function foundVault(platform: Platform, { imagesOf }: UnlockParts): Promise<OpenVault> {
  const { mpc, nsm, kms, enclaveId, log } = platform
  const root = await drawRoot(nsm, kms)
  try {
    const vault = await createVault(mpc, enclaveId, root)
    const birth = await certifyBirth(nsm, vault.identity)
    const sealedRoot = await sealRoot(platform, root, birth)
    log({ event: 'root.created', signKey: vault.identity.signKey })
    return { vault, images: await imagesOf(vault), sealedRoot }
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
export async function openVault(platform: Platform, parts: UnlockParts, sealedRoot: Uint8Array): Promise<OpenVault> {
  const { mpc, nsm, enclaveId, clock, log } = platform
  const { own, imagesOf } = parts
  const { root, birth } = await openRoot(platform, sealedRoot)
  try {
    const vault = await createVault(mpc, enclaveId, root)
    const images = await imagesOf(vault)
    const born = await verifyBirth(birth, vault.identity, { policy: images.births(), now: clock() })
    const ours = ['0', '1', '2'].every((index) => born[index] === own.measurements[index])
    const kept = ours ? sealedRoot : await sealRoot(platform, root, await certifyBirth(nsm, vault.identity))
    log({ event: ours ? 'root.opened' : 'root.taken_over', signKey: vault.identity.signKey })
    return { vault, images, sealedRoot: kept }
  } catch (error) {
    root.fill(0)
    throw error
  }
}
