import { join } from 'node:path'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { afterAll, beforeAll } from 'vitest'
import { openCleanFolder, type CleanFolder } from './clean-folder.ts'

/** For what npm has to bring, and compilers read. ms */
export const long = 300_000

type Newcomer = Readonly<{
  clean: CleanFolder
  fleet: Fleet
  /** What a program in that folder is told of the fleet. */
  env: Readonly<Record<string, string>>
}>

/** A folder without a clone and a fleet that pages may use, for the tests of one file. `prepare`: what else they install. */
export function withNewcomer(prepare: (clean: CleanFolder) => void): () => Newcomer {
  let newcomer: Newcomer | undefined
  beforeAll(async () => {
    const clean = openCleanFolder()
    prepare(clean)
    const gatewayEnv = { QUORATE_CORS_ORIGIN: '*' }
    const fleet = await startFleet({ port: 0, state: join(clean.path, 'state'), rateLimit: 1_000_000, gatewayEnv })
    newcomer = { clean, fleet, env: { QUORATE_GATEWAY: fleet.url, QUORATE_TRUST: fleet.trustPath } }
  }, long)
  afterAll(async () => {
    await newcomer?.fleet.stop()
    newcomer?.clean.close()
  })
  return () => {
    if (newcomer === undefined) throw new Error('asked before the tests begin')
    return newcomer
  }
}
