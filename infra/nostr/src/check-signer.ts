import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { checkCalls } from './checks/calls.ts'
import { checkCiphers } from './checks/ciphers.ts'
import { checkConnecting } from './checks/connecting.ts'
import { checkDelivery } from './checks/delivery.ts'
import { Lab } from './checks/lab.ts'
import { checkSigning } from './checks/signing.ts'
import type { Driver } from './clients/client.ts'
import { drivers as all } from './clients/table.ts'
import { startRelay as startEmbedded } from './relay/embedded.ts'
import type { StartRelay } from './relay/relay.ts'
import type { OpenSigner } from './signer.ts'

type Terms = Readonly<{ startRelay?: StartRelay; drivers?: readonly Driver[] }>

/** What stock clients may expect of a signer, whoever runs it. One signer serves all of them, over one relay. */
export function checkSigner(open: OpenSigner, { startRelay = startEmbedded, drivers = all }: Terms = {}): void {
  let lab: Lab
  beforeAll(async () => {
    lab = await Lab.open(open, startRelay)
  })
  afterAll(() => lab.close())

  describe.each(drivers)('a client of $name', (driver) => {
    beforeEach(async ({ skip }) => {
      const missing = await driver.missing()
      if (missing !== null) skip(missing)
    })
    afterEach(() => lab.tidy())
    for (const check of [checkConnecting, checkSigning, checkCiphers, checkCalls, checkDelivery])
      check(() => lab, driver)
  })
}
