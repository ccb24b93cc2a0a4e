import type { Command } from 'commander'
import { readContent, type ContentOptions } from '../content.ts'
import { addModeOptions } from '../mode.ts'
import { requireWritable } from '../proof-file.ts'
import { milliseconds, openSession, type World } from '../session.ts'
import { keysNamed, signTogether } from '../sign-together.ts'
import { announce, finishSigning, showRequested } from '../signings.ts'
import { bringUpToDate } from '../up-to-date.ts'

type Options = ContentOptions & Readonly<{ expires: string; out?: string; wait: boolean }>

export const addContentOptions = (command: Command): Command =>
  addModeOptions(command)
    .option('--file <file>', 'the bytes of this file, or - for stdin')
    .option('--hex', 'MESSAGE, or the file, is hex')
    .option('--raw', 'sign exactly these bytes, for other systems: the key must be one for `raw`')
    .option('--nostr-event <file>', 'a Nostr event (NIP-01) as JSON: kind, content, tags, created_at')
    .option('--subgroup <name>', 'of those participants whose sub-group has this name, under their own key')
    .option('--untweaked', 'under the group key itself, where the key was made to sign under another')
    .option('--adaptor <point>', 'a pre-signature for this point, in hex, or for the terms in this file (JSON)')

/** `quorate sign`: ask, wait, verify. */
export function addSign(program: Command, world: World): void {
  addContentOptions(
    program
      .command('sign')
      .argument('<key>', 'the key id, or its beginning; several with commas between them sign the same')
      .argument('[message]', 'the text to sign')
      .description('ask for a signature and wait until enough participants have approved'),
  )
    .option('--expires <time>', 'how long the others have to approve', '10m')
    .option('--out <file>', 'write signature, content and receipts: a proof that verifies offline')
    .option('--no-wait', 'ask and leave; `quorate status SIGNING` shows the signature')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate sign 3f2a "hello" --as alice\n  quorate sign 3f2a --file release.tar --out release.proof.json\n' +
        '  quorate sign 3f2a --nostr-event note.json\n  quorate sign 3f2a --raw --hex 9f86…\n  quorate sign 3f2a,8c1d,vault "hello"',
    )
    .action(async (id: string, message: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      await requireWritable(options.out)
      const [kept, ...others] = await keysNamed(session, id)
      if (others.length > 0) {
        await signTogether(session, [kept, ...others], message, options)
        return
      }
      const item = await readContent(message, options, kept)
      const me = await session.participant(kept.gateway)
      const key = await bringUpToDate(session, me, kept)
      const expiresIn = milliseconds(options.expires)
      const signing = await me.requestSignature(key, item, { expiresIn, signal: session.signal })
      announce(session, [signing], options.subgroup)
      await session.home.note('requested', me.userId, signing)
      if (!options.wait) {
        showRequested(session, signing)
        return
      }
      await finishSigning(session, key, signing, options.out)
    })
}
