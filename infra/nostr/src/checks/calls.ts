import { expect, it } from 'vitest'
import * as z from 'zod'
import type { Client, Driver } from '../clients/client.ts'
import type { Lab } from './lab.ts'
import { expectSigned, note } from './signing.ts'

const Relays = z.array(z.url()).nullable()

/** By the library's own call, or else by its call for any method. */
async function logout(client: Client, driver: Driver): Promise<void> {
  if (driver.lacks.includes('logout')) await client.raw('logout', [])
  else await client.logout()
}

/** The smaller methods, and the end of a session. */
export function checkCalls(lab: () => Lab, driver: Driver): void {
  const has = (...calls: (keyof Client)[]) => calls.some((call) => !driver.lacks.includes(call))

  it.skipIf(!has('ping'))('pings', async () => {
    const { client } = await lab().connect(driver)
    await expect(client.ping()).resolves.toBeUndefined()
  })

  it.skipIf(!has('switchRelays'))('asks whether to go to other relays, and hears an end', async () => {
    const { client } = await lab().connect(driver)
    await client.switchRelays()
    expect(await client.getPublicKey()).toBe(lab().signer.user)
  })

  it.skipIf(!has('raw'))('hears of other relays in a text of JSON', async () => {
    const { client } = await lab().connect(driver)
    expect(Relays.safeParse(JSON.parse(await client.raw('switch_relays', []))).success).toBe(true)
  })

  it.skipIf(!has('raw'))('is told of a method that nobody knows', async () => {
    const { client } = await lab().connect(driver)
    await expect(client.raw('mint_coins', ['21'])).rejects.toThrow()
    const template = note('still here')
    expectSigned(await client.signEvent(template), template, lab().signer.user)
  })

  it.skipIf(!has('logout', 'raw'))('is refused after it has logged out', async () => {
    const { client, secretKey, uri } = await lab().connect(driver)
    expect(await lab().probe(secretKey, uri)).toBe(lab().signer.user)
    await logout(client, driver)
    await expect(lab().probe(secretKey, uri)).rejects.toThrow('refused')
  })
}
