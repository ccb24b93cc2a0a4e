import { parseArgs } from 'node:util'
import { parseListenAddress, type ListenAddress } from '@quorate/shared/wire/address'
import { EnclaveId } from '@quorate/shared/wire/ids'

/** What the host says at launch. None of it is measured, and none of it changes what the enclave will do. */
export type Launch = Readonly<{ enclaveId: EnclaveId; listen: ListenAddress; nsmSocket: string; configuration: string }>

const text = { type: 'string' } as const

/** Reads `--id ID --listen ADDRESS --nsm PATH --configuration PATH`. Throws a plain Error that says what is wrong. */
export function parseLaunch(args: readonly string[]): Launch {
  const options = { id: text, listen: text, nsm: text, configuration: text }
  const { id, listen, nsm, configuration } = parseArgs({ args: [...args], options, strict: true }).values
  if (id === undefined || listen === undefined || nsm === undefined || configuration === undefined)
    throw new Error('usage: enclave.mjs --id ID --listen ADDRESS --nsm PATH --configuration PATH')
  return { enclaveId: EnclaveId.parse(id), listen: parseListenAddress(listen), nsmSocket: nsm, configuration }
}
