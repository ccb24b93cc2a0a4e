/** A gateway that crashes where the plan in its state folder says: right before or after a write to its store. */
import { dirname } from 'node:path'
import { readConfig } from '@quorate/gateway/config'
import { startGateway } from '@quorate/gateway/gateway'
import { openStore } from '@quorate/gateway/store/open-store'
import type { Change, Store } from '@quorate/gateway/store/store'
import { createReach, type Reach } from './crash-plan.ts'

/** The state that a change persists, down to the round. */
function stateOf({ kind, state: { phase } }: Pick<Change, 'kind' | 'state'>): string {
  const detail =
    phase.name === 'key_generation' || phase.name === 'refreshing'
      ? `/${phase.round.name}`
      : phase.name === 'finalizing_signature' && phase.results !== null
        ? '/aggregated'
        : ''
  return `${kind} ${phase.name}${detail}`
}

function crashing(store: Store, reach: Reach): Store {
  async function around<T>(step: string, place: string, write: () => Promise<T>): Promise<T> {
    reach(step, 'before', place)
    const written = await write()
    reach(step, 'after', place)
    return written
  }
  return {
    ...store,
    save: (change) => around('write', stateOf(change), () => store.save(change)),
    saveReply: (scope, ...rest) => around('write', `reply ${scope}`, () => store.saveReply(scope, ...rest)),
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
