import type { Command } from 'commander'
import type { Key } from '../../key.ts'
import { readSecret } from '../secret.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, heading } from '../terminal.ts'
import { UsageError } from '../usage.ts'
import { addFrame, makeKey, type Options } from './keygen.ts'

export type Importing = Options & Readonly<{ secret: string; password?: string; publicKey?: string; yes?: boolean }>

export const facts = [
  'The key was whole on this machine, and it is there until you delete it: whoever finds a copy signs alone, for ever.',
  'After the import delete every copy of it, backups and other programs included.',
  'Then run `quorate refresh KEY`, so that nothing that was dealt here is a share of it any more.',
  'Nobody can make a copy secret again. A key that nobody has ever known comes of `quorate keygen`.',
]

/** `quorate import`: deal a key that somebody has whole to enclaves. */
export function addImport(program: Command, world: World): void {
  const command = program.command('import').description('deal a key that you have whole to enclaves')
  addFrame(command)
  addSecret(command)
    .addHelpText(
      'after',
      `\n${facts.join('\n')}\n` +
        '\nThe secret never stands in a command line. For an Ed25519 key it is the private key of RFC 8032, the seed.\n' +
        '\nExample:\n  quorate import --secret nsec.txt --threshold 2 alice bob carol --content nostr-event --as alice',
    )
    .action(async (participants: string[], options: Importing, action: Command) => {
      await importKey(openSession(action, world), world, participants, options)
    })
}

/** Where the secret key is read from. */
export const addSecret = (command: Command): Command =>
  command
    .requiredOption('--secret <file>', 'nsec, ncryptsec, or 32 bytes in hex; - for standard input')
    .option('--password <file>', 'the password of an ncryptsec; - for standard input')
    .option('--public-key <hex>', 'refuse a secret key that is not that of this public key')
    .option('-y, --yes', 'import without asking: for scripts of who knows what is said below')

/** Null when nobody is waited for. */
export async function importKey(
  session: Session,
  { stdin }: World,
  participants: string[],
  options: Importing,
): Promise<Key | null> {
  const { terminal } = session
  for (const line of [heading('Before you import a key'), ...facts.map((fact) => `- ${fact}`)]) terminal.progress(line)
  if (options.yes !== true) await confirm(session, options)
  const secretKey = await readSecret(options.secret, options.password, stdin)
  try {
    const { publicKey } = options
    const key = await makeKey(session, participants, options, (me, wish) =>
      me.dealKey({ ...wish, secretKey, publicKey }),
    )
    if (key === null) return null
    const next = `quorate refresh ${key.keyId}`
    terminal.result({ event: 'imported', keyId: key.keyId, next }, [
      heading('Now delete every other copy of the key, and'),
      field('then', next),
    ])
    return key
  } finally {
    secretKey.fill(0)
  }
}

async function confirm({ terminal }: Session, { secret, password }: Importing): Promise<void> {
  const isTaken = secret === '-' || password === '-'
  const answer = isTaken ? null : await terminal.ask('Go on? [y/N] ')
  if (answer === null) throw new UsageError('nobody is here to answer: say --yes if you know what stands above')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not imported; nothing was sent')
}
