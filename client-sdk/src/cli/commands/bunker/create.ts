import { Option, type Command } from 'commander'
import { addFrame } from '../keygen.ts'
import { addSecret, facts, importKey, type Importing } from '../import.ts'
import { openSession, type Session, type World } from '../../session.ts'
import { field, good, heading } from '../../terminal.ts'
import { actor, bunkerLines, bunkerValue, keeping, type Opened } from './opened.ts'

type Options = Readonly<{ relay: string[]; page?: string; strangers?: 'ask' | 'refuse' }>

const addReach = (command: Command): Command =>
  command
    .requiredOption('--relay <urls...>', 'where programs reach the bunker')
    .option('--page <url>', "where programs send you when you have to be asked (default: the gateway's own page)")
    .addOption(
      new Option('--strangers <what>', 'programs that want to connect without a secret').choices(['ask', 'refuse']),
    )

/** `quorate bunker create`: have the hosts of a key draw the key of its signer. */
export function addCreate(bunker: Command, world: World): void {
  addReach(
    bunker
      .command('create')
      .argument('<key>', 'the key id, or its beginning')
      .description('make the bunker of a key, or say anew at which relays it is'),
  )
    .addHelpText(
      'after',
      '\nThe key must be one for `nostr-event`, and for messages `ecdh`: quorate keygen … --content nostr-event ecdh\n' +
        '\nExample:\n  quorate bunker create 3f2a --relay wss://relay.example --as alice',
    )
    .action(async (id: string, options: Options, command: Command) => {
      const session = openSession(command, world)
      await create(session, await actor(session, id), options)
    })
}

async function create(session: Session, { me, key }: Omit<Opened, 'bunker'>, options: Options): Promise<void> {
  const { terminal, home, signal } = session
  const { relay: relays, page, strangers } = options
  terminal.progress('the hosts of the key draw the key of the signer, and each says that it holds it …')
  const newest = await home.book(key.keyId, me.userId)
  const bunker = await me.createBunker(key, {
    relays,
    newest,
    signal,
    ...(page === undefined ? {} : { page }),
    ...(strangers === undefined ? {} : { strangers }),
  })
  await keeping(session, { me, key, bunker }, (opened) => {
    const next = `quorate bunker offer ${key.keyId.slice(0, 8)} --preset notes`
    terminal.result({ event: 'bunker', ...bunkerValue(opened), next }, [
      good('the bunker is there: every host of the key holds its signer'),
      ...bunkerLines(opened),
      field('then', next),
    ])
    return Promise.resolve()
  })
}

/** `quorate bunker import`: deal a key that somebody has whole, and make its bunker. */
export function addImportBunker(bunker: Command, world: World): void {
  const command = bunker
    .command('import')
    .description('deal a key that you have whole to enclaves, and make its bunker')
  addFrame(command, ['nostr-event', 'ecdh'])
  addReach(addSecret(command))
    .addHelpText(
      'after',
      `\n${facts.join('\n')}\n` +
        '\nExample:\n  quorate bunker import --secret nsec.txt -t 2 alice bob carol --relay wss://relay.example --as alice',
    )
    .action(async (participants: string[], options: Importing & Options, action: Command) => {
      const session = openSession(action, world)
      const key = await importKey(session, world, participants, options)
      if (key !== null) {
        await create(session, { me: await session.participant(key.gateway), key }, options)
        return
      }
      session.terminal.progress(heading('when the others have joined: quorate bunker create KEY --relay …'))
    })
}
