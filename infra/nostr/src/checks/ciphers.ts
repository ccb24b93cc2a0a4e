import { generateSecretKey, getPublicKey, nip04, nip44 } from 'nostr-tools'
import { expect, it } from 'vitest'
import type { Driver } from '../clients/client.ts'
import type { Lab } from './lab.ts'

const text = 'across the ice ❄ \n "quoted"'
/** Above what NIP-44 could carry before its long payloads. */
const longText = `${'é'.repeat(40_000)}!`

/** Somebody who has never heard of the signer. */
function stranger(lab: Lab) {
  const secretKey = generateSecretKey()
  return { secretKey, pubkey: getPublicKey(secretKey), key: nip44.getConversationKey(secretKey, lab.signer.user) }
}

async function roundTrip44(lab: Lab, driver: Driver, message: string): Promise<void> {
  const { client } = await lab.connect(driver)
  const { pubkey, key } = stranger(lab)
  expect(await client.nip44Decrypt(pubkey, nip44.encrypt(message, key))).toBe(message)
  expect(nip44.decrypt(await client.nip44Encrypt(pubkey, message), key)).toBe(message)
}

/** A third party holds its own key, and encrypts and decrypts with nostr-tools. */
export function checkCiphers(lab: () => Lab, driver: Driver): void {
  it('reads and writes NIP-44 with a third party', () => roundTrip44(lab(), driver, text))

  it.skipIf(!driver.longMessages)('reads and writes NIP-44 above 65,535 bytes', () =>
    roundTrip44(lab(), driver, longText),
  )

  it('reads and writes NIP-04 with a third party', async () => {
    const { client } = await lab().connect(driver)
    const { secretKey, pubkey } = stranger(lab())
    const { user } = lab().signer
    expect(await client.nip04Decrypt(pubkey, nip04.encrypt(secretKey, user, text))).toBe(text)
    expect(nip04.decrypt(secretKey, user, await client.nip04Encrypt(pubkey, text))).toBe(text)
  })

  it('hears that a message cannot be read, and goes on', async () => {
    const { client } = await lab().connect(driver)
    const { pubkey, key } = stranger(lab())
    const other = nip44.encrypt(text, nip44.getConversationKey(generateSecretKey(), lab().signer.user))
    await expect(client.nip44Decrypt(pubkey, other)).rejects.toThrow()
    expect(await client.nip44Decrypt(pubkey, nip44.encrypt(text, key))).toBe(text)
  })
}
