import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Platform } from '../platform/platform.ts'
import { certifyBirth, verifyBirth } from './birth.ts'
import { drawRoot, openRoot, sealRoot } from './root.ts'
import { createVault, type Vault } from './vault.ts'

/** A vault on its open root secret, and the sealed form of that root that the gateway keeps. */
export type OpenVault = Readonly<{ vault: Vault; sealedRoot: Uint8Array }>

/** On a new root, with its birth document. Throws `kms.*`. */
export async function foundVault(platform: Platform): Promise<OpenVault> {
  const { mpc, nsm, kms, enclaveId, log } = platform
  const root = await drawRoot(nsm, kms)
  try {
    const vault = await createVault(mpc, enclaveId, root)
    const birth = await certifyBirth(nsm, vault.identity)
    const sealedRoot = await sealRoot(platform, root, birth)
    log({ event: 'root.created', signKey: vault.identity.signKey })
    return { vault, sealedRoot }
  } catch (error) {
    root.fill(0)
    throw error
  }
}

/** On a root that was sealed before, drawn by an image that the policy accepts. Throws `root.invalid` or `kms.*`. */
export async function openVault(platform: Platform, policy: TrustPolicy, sealedRoot: Uint8Array): Promise<OpenVault> {
  const { mpc, enclaveId, clock, log } = platform
  const { root, birth } = await openRoot(platform, sealedRoot)
  try {
    const vault = await createVault(mpc, enclaveId, root)
    await verifyBirth(birth, vault.identity, { policy, now: clock() })
    log({ event: 'root.opened', signKey: vault.identity.signKey })
    return { vault, sealedRoot }
  } catch (error) {
    root.fill(0)
    throw error
  }
}
