import { Option, type Command } from 'commander'
import { openDocument, verifyDocument, type VerifiedDocument } from '@quorate/shared/attestation/verify'
import { toHex } from '@quorate/shared/wire/bytes'
import { refusing } from '../../errors.ts'
import { readBytes } from '../content.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { UsageError } from '../usage.ts'
import { pcrLines } from './fleet.ts'

type Options = Readonly<{ document?: string; at?: string }>

/** `quorate attest`: one enclave, or a document in a file, against the trust file. */
export function addAttest(program: Command, world: World): void {
  program
    .command('attest')
    .argument('[enclave]', 'the name of the enclave, as `quorate fleet` lists it')
    .description('verify that an enclave is what the trust file accepts, and show what it runs')
    .addOption(new Option('--document <file>', 'verify an attestation document (COSE_Sign1) instead, or - for stdin'))
    .addOption(new Option('--at <when>', 'judge the document at this time, or at its `own`').default('now'))
    .addHelpText(
      'after',
      '\nExamples:\n  quorate attest enclave-0\n  quorate attest --document doc.bin --trust aws.json --at own',
    )
    .action(async (enclave: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      if ((enclave === undefined) === (options.document === undefined))
        throw new UsageError('what is to be attested? Name an enclave, or a file with --document')
      if (options.document !== undefined) {
        show(session, options.document, await verifyFile(session, options.document, options.at ?? 'now'), {})
        return
      }
      const at = await session.quorate()
      const { identity, document } = await at.attest(enclave ?? '', { signal: session.signal })
      show(session, `${identity.enclaveId} at ${at.gateway}`, document, {
        identity,
        lines: [field('seals to', identity.sealKey), field('signs under', identity.signKey)],
      })
    })
}

async function verifyFile(session: Session, file: string, at: string): Promise<VerifiedDocument> {
  const document = new Uint8Array(await readBytes(file))
  const policy = await session.trust()
  return refusing(() => verifyDocument(document, { policy, nonce: null, now: timeOf(at, document) }))
}

function timeOf(at: string, document: Uint8Array): number {
  if (at === 'now') return Date.now()
  if (at === 'own') return openDocument(document).payload.timestamp
  const time = Date.parse(at)
  if (Number.isNaN(time)) throw new UsageError(`--at ${at}: now, own, or a time like 2026-01-31T12:00:00Z`)
  return time
}

function show(
  { terminal }: Session,
  what: string,
  document: VerifiedDocument,
  { identity, lines = [] }: Readonly<{ identity?: unknown; lines?: readonly string[] }>,
): void {
  const { moduleId, timestamp, pcrs, digest, publicKey } = document
  const value = { attested: true, identity, moduleId, timestamp, pcrs, documentDigest: digest }
  terminal.result({ ...value, publicKey: publicKey === null ? null : toHex(publicKey) }, [
    heading(what),
    good('the document verifies: chain, signature, measurements' + (identity === undefined ? '' : ', nonce, keys')),
    field('module', moduleId),
    field('made', new Date(timestamp).toISOString()),
    ...lines,
    ...pcrLines(pcrs),
  ])
}
