import type { EncryptionContext, SealingKms } from '@quorate/enclave/platform/kms'
import type { Sealing } from '@quorate/enclave/platform/sealing/open-sealing'
import { KmsDesk, startEnclave } from '../support/kms-desk.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** A key service with what can befall it. Each sealing is a new one, as after a restart of the enclave. */
export type Bench = Readonly<{
  open: () => Sealing
  /** Under another key of the same service. */
  openOther: () => Sealing
  /** As somebody whom the key's policy does not name. */
  openStranger: () => Sealing
  /** To where nobody listens. */
  openLost: () => Sealing
  /** Switches the key off, or takes it away where there is no switch; with the code that this gives. */
  disable: () => 'kms.disabled' | 'kms.denied'
  /** Bytes between those that are flipped one by one; 1: each of them. */
  stride?: number
  close: () => Promise<void>
}>

export const context: EncryptionContext = { 'quorate:purpose': 'root', 'quorate:enclave': 'e1' }
const refused = (code: string) => expect.objectContaining({ name: 'Refusal', code }) as unknown
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** What every sealing provider keeps, whatever it is made of. Disables the key at the end. */
export function checkSealing(name: string, makeBench: () => Promise<Bench>): void {
  describe(name, () => {
    let bench: Bench
    let kms: SealingKms
    beforeAll(async () => {
      bench = await makeBench()
      kms = bench.open().kms
    })
    afterAll(() => bench.close())

    it('gives a key of 32 bytes, and the same one back after a restart', async () => {
      const { plaintext, ciphertext, keyId } = await kms.generateDataKey(context)
      expect(plaintext).toHaveLength(32)
      expect(await bench.open().kms.decrypt(ciphertext, context)).toEqual({ plaintext, keyId })
      expect(hex(ciphertext)).not.toContain(hex(plaintext))
    })

    it('gives another key each time', async () => {
      const [first, second] = [await kms.generateDataKey(context), await kms.generateDataKey(context)]
      expect(hex(first.plaintext)).not.toBe(hex(second.plaintext))
      expect(hex(first.ciphertext)).not.toBe(hex(second.ciphertext))
    })

    it('takes the pairs of a context in any order, and no others', async () => {
      const { plaintext, ciphertext } = await kms.generateDataKey(context)
      const reversed = Object.fromEntries(Object.entries(context).reverse())
      expect((await kms.decrypt(ciphertext, reversed)).plaintext).toEqual(plaintext)
      for (const other of [{}, { ...context, 'quorate:enclave': 'e2' }, { 'quorate:purpose': 'root' }])
        await expect(kms.decrypt(ciphertext, other)).rejects.toEqual(refused('kms.denied'))
    })

    it('opens no ciphertext that was changed, cut, or is longer than any', async () => {
      const { ciphertext } = await kms.generateDataKey(context)
      for (let at = 0; at < ciphertext.length; at += bench.stride ?? 1) {
        const flipped = ciphertext.with(at, (ciphertext[at] ?? 0) ^ 1)
        await expect(kms.decrypt(flipped, context), `byte ${at}`).rejects.toEqual(refused('kms.denied'))
      }
      for (const length of [0, 1, 12, 28, ciphertext.length - 1])
        await expect(kms.decrypt(ciphertext.subarray(0, length), context)).rejects.toEqual(refused('kms.denied'))
      await expect(kms.decrypt(new Uint8Array(5_000), context)).rejects.toEqual(refused('kms.denied'))
    })

    it('opens nothing that another key made', async () => {
      const other = bench.openOther()
      const { ciphertext, keyId } = await other.kms.generateDataKey(context)
      expect(keyId).not.toBe((await kms.generateDataKey(context)).keyId)
      await expect(kms.decrypt(ciphertext, context)).rejects.toEqual(refused('kms.denied'))
    })

    it('gives randomness of its own, of any length, another one each time', async () => {
      for (const length of [1, 8, 32, 300]) expect(await kms.random(length)).toHaveLength(length)
      expect(hex(await kms.random(32))).not.toBe(hex(await kms.random(32)))
    })

    it('brings an enclave back as who it was', async () => {
      const desk = await KmsDesk.open()
      const first = await (await startEnclave(desk, kms)).boot({ sealedRoot: null })
      const again = await startEnclave(desk, bench.open().kms)
      expect((await again.boot({ sealedRoot: first.sealedRoot })).identity).toEqual(first.identity)
      const other = await startEnclave(desk, bench.openOther().kms)
      await expect(other.boot({ sealedRoot: first.sealedRoot })).rejects.toMatchObject({ name: 'Refusal' })
      await desk.close()
    })

    it('says no to a stranger', async () => {
      const { ciphertext } = await kms.generateDataKey(context)
      const stranger = bench.openStranger().kms
      await expect(stranger.generateDataKey(context)).rejects.toEqual(refused('kms.denied'))
      await expect(stranger.decrypt(ciphertext, context)).rejects.toEqual(refused('kms.denied'))
    })

    it('says that it is away when nobody answers', async () => {
      await expect(bench.openLost().kms.generateDataKey(context)).rejects.toEqual(refused('kms.unavailable'))
    })

    it('gives nothing under a key that was switched off', async () => {
      const { ciphertext } = await kms.generateDataKey(context)
      const code = bench.disable()
      await expect(kms.decrypt(ciphertext, context)).rejects.toEqual(refused(code))
      await expect(kms.generateDataKey(context)).rejects.toEqual(refused(code))
    })
  })
}
