import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Key } from '../../key.ts'
import { signatureProof } from '../../signing/proof.ts'
import type { Signing } from '../../signing/signing.ts'
import type { SignatureResult } from '../../signing/verify.ts'
import { readContent, type ContentOptions } from '../content.ts'
import { milliseconds, openSession, type Session, type World } from '../session.ts'
import { field, good } from '../terminal.ts'

type Options = ContentOptions & Readonly<{ expires: string; out?: string; wait: boolean }>

export const addContentOptions = (command: Command): Command =>
  command
    .option('--file <file>', 'the bytes of this file, or - for stdin')
    .option('--hex', 'MESSAGE, or the file, is hex')
    .option('--nostr-event <file>', 'a Nostr event (NIP-01) as JSON: kind, content, tags, created_at')
    .option('--taproot [merkle-root]', 'under the Taproot output key (BIP-341) instead of the group key')

/** `quorate sign`: ask, wait, verify. */
export function addSign(program: Command, world: World): void {
  addContentOptions(
    program
      .command('sign')
      .argument('<key>', 'the key id, or its beginning')
      .argument('[message]', 'the text to sign')
      .description('ask for a signature and wait until enough participants have approved'),
  )
    .option('--expires <time>', 'how long the others have to approve', '10m')
    .option('--out <file>', 'write signature, content and receipts: a proof that verifies offline')
    .option('--no-wait', 'ask and leave; `quorate status SIGNING` shows the signature')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate sign 3f2a "hello" --as alice\n  quorate sign 3f2a --file release.tar --out release.proof.json\n' +
        '  quorate sign 3f2a --nostr-event note.json',
    )
    .action(async (id: string, message: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      const item = await readContent(message, options)
      const key = await session.home.key(id)
      const me = await session.participant(key.gateway)
      const expiresIn = milliseconds(options.expires)
      const signing = await me.requestSignature(key, item, { expiresIn, signal: session.signal })
      session.terminal.progress(
        `signing ${signing.signingId}: waiting for ${key.threshold} of ${key.participants.length}`,
      )
      session.terminal.progress(`the others approve with: quorate approve ${signing.signingId}`)
      if (!options.wait) {
        session.terminal.result({ event: 'requested', signingId: signing.signingId, keyId: key.keyId }, [
          field('signing', signing.signingId),
        ])
        return
      }
      await finishSigning(session, key, signing, options.out)
    })
}

/** Waits for the signatures, verifies, shows and keeps them. */
export async function finishSigning(session: Session, key: Key, signing: Signing, out?: string): Promise<void> {
  const result = await signing.completed(session.waiting())
  if (out !== undefined) await writeFile(out, JSON.stringify(signatureProof(result), null, 2) + '\n')
  showSignatures(session, key, signing, result)
}

function showSignatures({ terminal }: Session, key: Key, { signingId }: Signing, result: SignatureResult): void {
  const { signatures, publicKeys, events, receipts } = result
  const hex = signatures.map(toHex)
  const quorum = receipts.map(({ body }) => key.participants[body.index - 1] ?? '')
  const value = { event: 'completed', signingId, keyId: key.keyId, signatures: hex, publicKeys, events, quorum }
  terminal.result(value, [
    good(`verified: ${hex.length === 1 ? 'the signature' : `${hex.length} signatures`}, and a receipt of each host`),
    ...hex.flatMap((signature, at) => [field('signature', signature), field('public key', publicKeys[at] ?? '')]),
    ...events.filter((event) => event !== null).map((event) => field('event', JSON.stringify(event))),
    field('signed by', `the shares of ${quorum.join(', ')}`),
  ])
}
