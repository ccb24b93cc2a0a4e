/** A gateway that crashes where the plan in its state folder says: right before or after a write to its store. */
import { dirname } from 'node:path'
import { readConfig } from '@quorate/gateway/config'
import { startGateway } from '@quorate/gateway/gateway'
import { openStore } from '@quorate/gateway/store/open-store'
import type { Store } from '@quorate/gateway/store/store'
import { createReach, type Reach } from './crash-plan.ts'
import { placeOf } from '../../src/stored-state.ts'

function crashing(store: Store, reach: Reach): Store {
  async function around<T>(step: string, place: string, write: () => Promise<T>): Promise<T> {
    reach(step, 'before', place)
    const written = await write()
    reach(step, 'after', place)
    return written
  }
  return {
    ...store,
    save: (change) => around('write', placeOf(change), () => store.save(change)),
    saveReply: (place, ...rest) => around('write', `reply ${place.scope}`, () => store.saveReply(place, ...rest)),
    saveEnclaveRoot: (id, root) => around('write root', id, () => store.saveEnclaveRoot(id, root)),
  }
}

const config = readConfig(process.env)
const reach = createReach(dirname(dirname(config.database)))
const gateway = await startGateway(config, undefined, async (options) => {
  reach('open', 'before', config.database)
  return crashing(await openStore(options), reach)
})
process.once('SIGTERM', () => void gateway.close().then(() => process.exit(0)))
