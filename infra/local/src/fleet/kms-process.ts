import { join } from 'node:path'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Command } from './child.ts'
import { entry } from './entry.ts'
import { nodeCommand } from './node-command.ts'
import { accepts, requirePort } from './ports.ts'
import type { StateFolder } from './state-folder.ts'

/** The KMS stand-in, which serves enclaves of this trust and nobody else. */
export async function kmsCommand(state: StateFolder, port: number, policy: TrustPolicy): Promise<Command> {
  const advice = `the KMS of this fleet lives there, and its enclaves are measured with that address. Free it, or begin anew: rm -r ${state.root}`
  await requirePort(port, advice)
  const config = JSON.stringify({ port, folder: state.kms, policy })
  return nodeCommand({
    name: 'kms',
    args: [...entry('infra/local', 'kms/main'), config],
    log: join(state.logs, 'kms.log'),
    probe: () => accepts({ port }),
  })
}
