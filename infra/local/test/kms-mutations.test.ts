import { randomInt } from 'node:crypto'
import { GenerateDataKeyCommand, KMSServiceException } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lie } from '../src/kms/faults.ts'
import { context, image, keyArn, KmsDesk, recipientOf, startEnclave } from './support/kms-desk.ts'

let desk: KmsDesk
beforeAll(async () => {
  desk = await KmsDesk.open()
})
afterAll(() => desk.close())

const withBit = (bytes: Uint8Array, bit: number): Uint8Array => {
  const flipped = Uint8Array.from(bytes)
  flipped[bit >> 3]! ^= 1 << (bit & 7)
  return flipped
}

describe('a valid attestation document, sent by AWS’s SDK', () => {
  /*
   * All bits are some 34,000 and take minutes, since nearly each costs a round of ECDSA. So that each byte has one of its bits flipped,
   * at a turn that another run chooses differently: eight turns are all bits.
   */
  it('is refused with a bit of any of its bytes flipped', async () => {
    const { recipient } = await recipientOf(desk.nsm(image(1)))
    const document = recipient.AttestationDocument
    const client = desk.client()
    const ask = (AttestationDocument: Uint8Array) =>
      client.send(
        new GenerateDataKeyCommand({
          KeyId: keyArn,
          KeySpec: 'AES_256',
          EncryptionContext: context,
          Recipient: { ...recipient, AttestationDocument },
        }),
      )
    expect((await ask(document)).CiphertextForRecipient).toBeDefined()

    const turn = randomInt(8)
    const answers = new Map<string, number>()
    let next = 0
    const askOn = async () => {
      for (let at = next++; at < document.length; at = next++) {
        const bit = 8 * at + ((at + turn) & 7)
        const answer = await ask(withBit(document, bit)).then(
          () => `bit ${bit} passes`,
          (error: unknown) => (error instanceof KMSServiceException ? error.name : String(error)),
        )
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 4 }, askOn))
    expect([...answers], `turn ${turn}`).toEqual([['ValidationException', document.length]])
    expect((await ask(document)).CiphertextForRecipient).toBeDefined()
  }, 180_000)
})

describe('an envelope of KMS with a bit flipped on its way', () => {
  /** Where the IV (16 bytes) and the three blocks of content begin, counted from the end as the genuine vector has them. */
  const [iv, content] = [-78, -58]
  const flipped =
    (byte: number): Lie =>
    (reply) => {
      const envelope = Buffer.from((reply as { CiphertextForRecipient: string }).CiphertextForRecipient, 'base64')
      return {
        ...reply,
        CiphertextForRecipient: Buffer.from(withBit(envelope, 8 * (envelope.length + byte))).toString('base64'),
      }
    }
  const boot = async (sealedRoot: string | null) => (await startEnclave(desk)).boot({ sealedRoot })

  it('gives the enclave another key, if TLS does not keep it out, and the root does not open under it', async () => {
    const { sealedRoot, identity } = await boot(null)
    for (const byte of [iv, iv + 15, content, content + 15]) {
      const right = await desk.attested().generateDataKey(context)
      desk.kms.suffer({ name: 'lying', lie: flipped(byte) })
      const wrong = await desk.attested().decrypt(right.ciphertext, context)
      expect(wrong.plaintext).toHaveLength(32)
      expect(wrong.plaintext).not.toEqual(right.plaintext)
      await expect(boot(sealedRoot)).rejects.toMatchObject({ code: 'root.invalid' })
      desk.kms.suffer(null)
    }
    expect((await boot(sealedRoot)).identity).toEqual(identity)
  })

  it.each([
    ['the last block of its content', -18],
    ['its encrypted key', -300],
    ['the identifier of its recipient', 50 - 493],
  ])('is refused when that is in %s', async (_, byte) => {
    desk.kms.suffer({ name: 'lying', lie: flipped(byte) })
    await expect(desk.attested().random(32)).rejects.toMatchObject({ code: 'kms.invalid' })
    desk.kms.suffer(null)
  })
})
