import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyAttestedIdentity } from '@quorate/shared/attestation/verify'
import { fromBase64url, fromHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Instance } from './support/instance.ts'
import { makeEnclaveImage, type EnclaveImage } from './support/production.ts'
import { openRegion, type Region } from './support/region.ts'
import { signing, signingInDebugMode, unsigned, type Hypervisor } from './support/hypervisor.ts'

const tools = inject('tools')
const profile = { emulatedTscKhz: inject('emulatedTscKhz') }

describe.skipIf(tools === null)('the image that ships, in a Nitro machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-refusals-'))
  let region: Region
  let image: EnclaveImage
  let altered: EnclaveImage
  let genuine: Instance
  let other: Instance

  beforeAll(async () => {
    region = await openRegion(folder, tools ?? '', ['genuine', 'other'])
    ;[genuine, other] = region.instances as [Instance, Instance]
    image = await makeEnclaveImage(region.configure(), join(folder, 'image'), profile)
    // JSON that says the same, with another byte.
    altered = await makeEnclaveImage(region.configure().replace('\n', ' '), join(folder, 'altered'), profile)
    region.admit([{ pcrs: image.registers, until: null }])
    await Promise.all([genuine.boot(image.eif), other.boot(altered.eif)])
  })
  afterAll(async () => {
    await region.close()
    rmSync(folder, { recursive: true })
  })

  const open = (instance: Instance) => instance.call('boot', { sealedRoot: null })
  const isLocked = async (instance: Instance): Promise<boolean> => (await instance.call('hello', {})).locked

  it('gets nothing from KMS with one byte changed in its configuration, and stays locked', async () => {
    expect([image.registers['0'] === altered.registers['0'], image.registers['1'] === altered.registers['1']]).toEqual([
      false,
      true,
    ])
    await expect(open(other)).rejects.toMatchObject({ code: 'kms.denied' })
    expect(await isLocked(other)).toBe(true)
  })

  it('gets nothing from KMS by a document that nobody signed', async () => {
    genuine.setHypervisor(unsigned)
    await expect(open(genuine)).rejects.toMatchObject({ code: 'kms.denied' })
    expect(await isLocked(genuine)).toBe(true)
  })

  it('gets nothing from KMS in debug mode', async () => {
    genuine.setHypervisor(signingInDebugMode(region.chain))
    await expect(open(genuine)).rejects.toMatchObject({ code: 'kms.denied' })
    expect(await isLocked(genuine)).toBe(true)
  })

  it('opens when KMS is shown its registers under the root, and where the image is admitted', async () => {
    genuine.setHypervisor(signing(region.chain))
    await expect(open(genuine)).resolves.toMatchObject({ identity: { enclaveId: 'genuine' } })
    region.admit([{ pcrs: altered.registers, until: null }])
    await expect(open(other)).resolves.toMatchObject({ identity: { enclaveId: 'other' } })
  })

  describe('attests', () => {
    /** What the enclave answers to a nonce of ours, as its hypervisor lets it out. */
    async function proves(hypervisor: Hypervisor): Promise<unknown> {
      genuine.setHypervisor(hypervisor)
      const nonce = 'ab'.repeat(32)
      const { identity, presence, document } = await genuine.call('attest', { nonce })
      const debug = { '0': '0'.repeat(96) }
      return verifyAttestedIdentity({
        identity,
        presence,
        document: fromBase64url(document),
        policy: { roots: [region.chain.rootPem], measurements: [image.registers, debug] },
        nonce: fromHex(nonce),
        now: Date.now(),
      })
    }

    it('to people with the registers that were measured here', async () => {
      await expect(proves(signing(region.chain))).resolves.toMatchObject({
        pcrs: { '0': image.registers['0'], '1': image.registers['1'], '2': image.registers['2'] },
      })
    })

    it.each([
      ['that nobody signed', () => unsigned],
      ['of debug mode, though its measurements are listed', () => signingInDebugMode(region.chain)],
    ])('to nobody by a document %s', async (_, hypervisor) => {
      await expect(proves(hypervisor())).rejects.toMatchObject({ code: 'attestation.invalid' })
    })

    /** Has the genuine enclave meet a peer, over its own challenge. */
    async function meets(peer: Instance, hypervisor: Hypervisor): Promise<object> {
      peer.setHypervisor(hypervisor)
      const { nonce } = await genuine.call('challenge', {})
      return genuine.call('introduce', { peer: await peer.call('attest', { nonce }), nonce })
    }

    it('to its peers, who run the same image, and lets no other in', async () => {
      await expect(meets(genuine, signing(region.chain))).resolves.toEqual({})
      await expect(meets(other, signing(region.chain))).rejects.toMatchObject({ code: 'attestation.invalid' })
      await expect(meets(genuine, unsigned)).rejects.toMatchObject({ code: 'attestation.invalid' })
      await expect(meets(genuine, signingInDebugMode(region.chain))).rejects.toMatchObject({
        code: 'attestation.invalid',
      })
    })
  })
})
