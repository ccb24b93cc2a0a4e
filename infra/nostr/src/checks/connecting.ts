import { generateSecretKey } from 'nostr-tools'
import { expect, it } from 'vitest'
import type { Driver } from '../clients/client.ts'
import type { Lab } from './lab.ts'

function withWrongSecret(uri: string): string {
  const wrong = new URL(uri)
  wrong.searchParams.set('secret', 'never-given')
  return wrong.href
}

function secrets(lab: () => Lab, driver: Driver): void {
  it('is refused with a secret that was never given', async () => {
    const secretKey = generateSecretKey()
    const client = await lab().enter(driver, secretKey)
    const uri = withWrongSecret(await lab().uri())
    await expect(client.connect(uri)).rejects.toThrow()
    await expect(lab().probe(secretKey, uri)).rejects.toThrow('refused')
  })

  it('is refused with a secret that another client has used', async () => {
    const { uri } = await lab().connect(driver)
    const secretKey = generateSecretKey()
    const other = await lab().enter(driver, secretKey)
    await expect(other.connect(uri)).rejects.toThrow()
    await expect(lab().probe(secretKey, uri)).rejects.toThrow('refused')
  })

  it('may say its own secret again', async () => {
    const { secretKey, uri } = await lab().connect(driver)
    const again = await lab().enter(driver, secretKey)
    await again.connect(uri)
    expect(await again.getPublicKey()).toBe(lab().signer.user)
  })
}

/** How a client gets in, and how it does not. */
export function checkConnecting(lab: () => Lab, driver: Driver): void {
  it('connects, and learns whose signer it is', async () => {
    const { client } = await lab().connect(driver)
    expect(await client.getPublicKey()).toBe(lab().signer.user)
  })

  secrets(lab, driver)

  it.skipIf(driver.invite === undefined)('is answered when it shows a URI of its own', async () => {
    const { uri, accepted } = await lab().invite(driver.invite!)
    const [client] = await Promise.all([accepted, lab().signer.accept(uri)])
    expect(await client.getPublicKey()).toBe(lab().signer.user)
    await client.close()
  })
}
