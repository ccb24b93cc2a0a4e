import type { Command } from 'commander'
import { verifyBunkerEvents, type ProvedSigner } from '../../../bunker/proof.ts'
import { readBytes } from '../../content.ts'
import { openSession, type Session, type World } from '../../session.ts'
import { field, good } from '../../terminal.ts'
import { UsageError } from '../../usage.ts'
import { actor, npubOf, withBunker } from './opened.ts'

/** `quorate bunker verify`: the hosts of a bunker against the trust file, or the events that a signer publishes. */
export function addVerifyBunker(bunker: Command, world: World): void {
  bunker
    .command('verify')
    .argument('[key]', 'the key id, or its beginning')
    .description('have every host of a bunker prove itself, and that it holds the signer')
    .option(
      '--event <file>',
      'verify events (kind 30078) that a signer publishes instead, one or a list, or - for stdin: no key is needed',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  quorate bunker verify 3f2a\n  quorate bunker verify --event event.json --trust aws.json',
    )
    .action(async (id: string | undefined, { event }: { event?: string }, command: Command) => {
      const session = openSession(command, world)
      if ((id === undefined) === (event === undefined))
        throw new UsageError('what is to be verified? Name a key, or a file with --event')
      const trust = await session.trust()
      const proved =
        id === undefined
          ? await verifyBunkerEvents(await readEvents(event ?? ''), trust)
          : await withBunker(session, await actor(session, id), ({ bunker: opened }) =>
              opened.verify(trust, { signal: session.signal }),
            )
      show(session, proved)
    })
}

async function readEvents(file: string): Promise<readonly unknown[]> {
  try {
    const read: unknown = JSON.parse((await readBytes(file)).toString())
    return Array.isArray(read) ? (read as readonly unknown[]) : [read]
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${file} is not an event: JSON is expected`)
  }
}

function show({ terminal }: Session, { signer, hosts }: ProvedSigner): void {
  const rows = hosts.map(({ identity, document, provedAt }) => ({
    enclaveId: identity.enclaveId,
    provedAt,
    pcr0: document.pcrs['0'] ?? '',
  }))
  terminal.result({ verified: true, signer, hosts: rows }, [
    good('all of it verifies: enclaves of an accepted image hold this signer'),
    field('signer', npubOf(signer)),
    ...rows.map(({ enclaveId, provedAt, pcr0 }) =>
      field(enclaveId, `PCR0 ${pcr0.slice(0, 16)}…, proved ${new Date(provedAt).toISOString()}`),
    ),
  ])
}
