import { join } from 'node:path'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { makeDevelopmentPolicy } from '../kms/development-policy.ts'
import { developmentKeyId } from '../kms/key-store.ts'
import type { Command } from './child.ts'
import { entry } from './entry.ts'
import { nodeCommand } from './node-command.ts'
import { accepts, requirePort } from './ports.ts'
import type { StateFolder } from './state-folder.ts'

/** `root`: the certificate (PEM) under which enclaves attest. `source`: another composition of the stand-in (absolute path), for tests. */
export type KmsPlan = Readonly<{
  port: number
  root: string
  measurements: Measurements
  /** Images that an upgrade leaves. */
  leaving: readonly Measurements[]
  enclaveIds: readonly string[]
  source?: string | undefined
}>

/** The KMS stand-in, whose key serves the enclaves of this plan and nobody else. */
export async function kmsCommand(state: StateFolder, plan: KmsPlan): Promise<Command> {
  const { port, root, measurements, leaving, enclaveIds, source } = plan
  const advice = `the KMS of this fleet lives there, and its enclaves are measured with that address. Free it, or begin anew: rm -r ${state.root}`
  await requirePort(port, advice)
  const policy = makeDevelopmentPolicy(measurements, enclaveIds, Date.now(), leaving)
  const config = { port, folder: state.kms, roots: [root], keys: [{ keyId: developmentKeyId, policy }] }
  return nodeCommand({
    name: 'kms',
    args: [
      ...(source === undefined ? entry('infra/local', 'kms/main') : ['--conditions=source', source]),
      JSON.stringify(config),
    ],
    log: join(state.logs, 'kms.log'),
    probe: () => accepts({ port }),
  })
}
