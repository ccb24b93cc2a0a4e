import type { Command } from 'commander'
import { QuorateError } from '../../errors.ts'
import type { EnclaveStatus } from '@quorate/shared/wire/routes/enclaves'
import type { Quorate } from '../../quorate.ts'
import { openSession, type World } from '../session.ts'
import { bad, field, good, heading } from '../terminal.ts'
import { exitCodes, type ExitCode } from '../usage.ts'

type Row = Readonly<{
  enclaveId: string
  state: EnclaveStatus['state']
  /** As it attests; null when it does not. */
  sealing: EnclaveStatus['sealing']
  attested: boolean
  pcr0?: string
  code?: string
}>

async function attestOne(quorate: Quorate, enclave: EnclaveStatus, signal: AbortSignal): Promise<Row> {
  const { enclaveId, state } = enclave
  if (state !== 'ready') return { enclaveId, state, sealing: null, attested: false }
  try {
    const { document, presence } = await quorate.attest(enclaveId, { signal })
    return { enclaveId, state, sealing: presence.sealing, attested: true, pcr0: document.pcrs['0'] ?? '' }
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error
    return { enclaveId, state, sealing: null, attested: false, code: error.code }
  }
}

/** Worth saying when the host of the enclave can open its root by itself. */
const sealedTo = (sealing: Row['sealing']): string =>
  sealing?.releasesTo === 'holder-of-credentials' ? `, root sealed by ${sealing.provider} to its host` : ''

const meaningOf = (state: Row['state']): string =>
  state === 'retired' ? ': the manifest in force does not list its image' : ''

const rowLine = ({ enclaveId, state, sealing, attested, pcr0 = '', code }: Row): string => {
  if (attested) return good(`${enclaveId}  ${state}, attested, PCR0 ${pcr0.slice(0, 16)}…${sealedTo(sealing)}`)
  return bad(`${enclaveId}  ${state}${state === 'ready' ? `, NOT attested (${code ?? ''})` : meaningOf(state)}`)
}

/** `quorate fleet`: every enclave of the gateway, and whether it proves itself to this machine. */
export function addFleet(program: Command, world: World, exit: (code: ExitCode) => void): void {
  program
    .command('fleet')
    .description('list the enclaves of a gateway and have each prove itself')
    .addHelpText('after', '\nExample:\n  quorate fleet --gateway http://127.0.0.1:3000 --trust .fleet/trust.json')
    .action(async (_options: unknown, command: Command) => {
      const { terminal, quorate, signal } = openSession(command, world)
      const at = await quorate()
      const enclaves = await at.enclaves({ signal })
      const rows = await Promise.all(enclaves.map((enclave) => attestOne(at, enclave, signal)))
      const lines = rows.length > 0 ? rows.map(rowLine) : ['no enclaves']
      terminal.result({ gateway: at.gateway, enclaves: rows }, [heading(at.gateway), ...lines])
      if (rows.some(({ code }) => code === 'attestation.invalid')) exit(exitCodes.untrusted)
      else if (rows.length === 0 || rows.some(({ attested }) => !attested)) exit(exitCodes.failed)
    })
}

export const pcrLines = (pcrs: Readonly<Record<string, string>>): string[] =>
  Object.entries(pcrs)
    .filter(([, value]) => !/^0*$/.test(value))
    .map(([index, value]) => field(`PCR${index}`, value))
