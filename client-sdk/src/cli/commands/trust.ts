import type { Command } from 'commander'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { rootDigests, trustDigest } from '../../trust-digest.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { fetchTrust, readTrustFile } from '../trust-file.ts'
import { UsageError } from '../usage.ts'
import { pcrLines } from './fleet.ts'

/** `quorate trust`: whom this machine takes for an enclave. */
export function addTrust(program: Command, world: World): void {
  const trust = program
    .command('trust')
    .description('look at a trust file, and remember it for this machine')
    .addHelpText('after', '\nExamples:\n  quorate trust add fleet.trust.json\n  quorate trust show')
  trust
    .command('add')
    .argument('<from>', 'a file, or an address with https:')
    .description('show what a trust file accepts, to be compared, and take it from now on')
    .option('--digest <hex>', 'take it without asking if this is its digest, as an invitation or a person says')
    .addHelpText(
      'after',
      '\nCompare the PCRs with those that you have computed from the sources, or that somebody you trust has told you: an address or\n' +
        'a gateway can say anything.\n' +
        '\nExamples:\n  quorate trust add fleet.trust.json\n  quorate trust add https://example.org/trust.json --digest 9b01…',
    )
    .action(async (from: string, { digest }: { digest?: string }, command: Command) => {
      const session = openSession(command, world)
      const policy = /^https?:/.test(from) ? await fetchTrust(from, session.signal) : await readTrustFile(from)
      const found = trustDigest(policy)
      for (const line of policyLines(policy)) session.terminal.progress(line)
      if (digest === undefined) await confirm(session)
      else if (digest.toLowerCase() !== found)
        throw new UsageError(`${from} has another digest: ${found}. Nothing was kept`)
      const file = await session.home.trust(policy)
      session.terminal.result({ event: 'trusted', digest: found, ...policy, file }, [
        good('from now on this machine takes these for enclaves, when no --trust is said'),
        field('kept in', file),
      ])
    })
  trust
    .command('show')
    .description('show whom this machine takes for an enclave')
    .addHelpText('after', '\nExample:\n  quorate trust show --json')
    .action(async (_: unknown, command: Command) => {
      const session = openSession(command, world)
      const policy = await session.trust()
      session.terminal.result({ digest: trustDigest(policy), ...policy }, policyLines(policy))
    })
}

const policyLines = (policy: TrustPolicy): string[] => [
  field('digest', trustDigest(policy)),
  ...rootDigests(policy).map((digest) => field('root', `${digest} (SHA-256)`)),
  ...policy.measurements.flatMap((set, at) => [
    heading(`accepted image ${at + 1} of ${policy.measurements.length}`),
    ...pcrLines(set),
  ]),
]

async function confirm({ terminal }: Session): Promise<void> {
  const answer = await terminal.ask('Are these what you were told, by somebody you trust? [y/N] ')
  if (answer === null) throw new UsageError('nobody is here to compare: say --digest HEX')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('nothing was kept')
}
