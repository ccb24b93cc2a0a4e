import type { RefusalCode } from '@quorate/shared/errors'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import { createFleet, type Fleet } from './fleet.ts'
import { startGateway, type Gateway } from './gateway.ts'

export let fleet: Fleet
/** The gateway of the test that runs. It is honest until that test makes it lie. */
export let gateway: Gateway

/** Each test of a file that calls it has a gateway of its own. */
export function withOwnGateway(): void {
  beforeAll(async () => {
    fleet = await createFleet()
  })
  beforeEach(async () => {
    gateway = await startGateway(fleet)
  })
  afterEach(() => gateway.close())
}

export const wish = {
  scheme: 'frost-secp256k1-tr',
  threshold: 2,
  participants: ['alice', 'bob', 'carol'],
} as const
export const refusedAs = (code: RefusalCode, culprits: number[] = []) => ({ code, by: 'client', culprits })
export const sentTo = (route: string) => gateway.asked.filter((asked) => asked.route === route)
