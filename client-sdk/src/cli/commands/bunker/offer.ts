import type { Command } from 'commander'
import { visible } from '@quorate/shared/contents/shown'
import { credentialKinds, type Permission } from '@quorate/shared/nostr/permissions'
import { readConnectUri } from '@quorate/shared/nostr/uris'
import type { Heard } from '../../../bunker/state.ts'
import { describePermissions, type Terms } from '../../../bunker/terms.ts'
import { refusing } from '../../../errors.ts'
import { qrLines } from '../../qr.ts'
import { milliseconds, openSession, type World } from '../../session.ts'
import { field, good, heading } from '../../terminal.ts'
import { actor, heardLines, npubOf, withBunker, type Opened } from './opened.ts'
import { addTerms, presetHelp, termsFrom, type TermOptions } from './terms.ts'
import { permissionsOf } from '@quorate/shared/nostr/permissions'

type Offering = TermOptions & Readonly<{ open: string; qr: boolean }>
type Connecting = TermOptions & Readonly<{ asAsked?: boolean }>

/** Who else has to say so before a program gets signatures. */
const othersLines = ({ key }: Opened, grant: string): string[] =>
  key.threshold < 2
    ? []
    : [
        field('others', `${key.threshold - 1} more of ${key.participants.length} say the same:`),
        field('', `quorate bunker second ${key.keyId.slice(0, 8)} ${grant}`),
      ]

const tellers = (opened: Opened, grant: string, heard: Heard): string[] => [
  field('grant', grant),
  ...othersLines(opened, grant),
  ...heardLines(heard),
]

/** `quorate bunker offer`: a connection string for one program. */
export function addOffer(bunker: Command, world: World): void {
  addTerms(
    bunker
      .command('offer')
      .argument('<key>', 'the key id, or its beginning')
      .description('give one program a connection string, with what it may do'),
  )
    .option('--open <time>', 'how long the program has to connect', '1h')
    .option('--no-qr', 'print the string alone')
    .addHelpText(
      'after',
      `${presetHelp}\nWho has the string gets in, until one program has: it is a secret until then.\n` +
        '\nExamples:\n  quorate bunker offer 3f2a --preset notes --per-day 50\n  quorate bunker offer 3f2a --kind 1 7 --otherwise refuse',
    )
    .action(async (id: string, options: Offering, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      const terms = termsFrom(options)
      await withBunker(session, await actor(session, id), async (opened) => {
        const { uri, grant, until, heard } = await opened.bunker.offer(terms, {
          expiresIn: milliseconds(options.open),
          signal,
        })
        terminal.result({ event: 'offered', uri, grant, until, heard, keyId: opened.key.keyId }, [
          heading('For one program alone:'),
          ...(options.qr ? qrLines(uri) : []),
          `  ${uri}`,
          field('open until', new Date(until).toISOString()),
          ...tellers(opened, grant, heard),
        ])
      })
    })
}

/** What a program has asked for, without what only its owner can name: credentials. */
const askedTerms = (asked: readonly Permission[]): Terms => {
  const { methods, kinds } = permissionsOf(asked)
  return { methods, kinds: kinds.named.filter((kind) => !credentialKinds.includes(kind)) }
}

/** `quorate bunker connect`: let in a program that shows a connection string of its own. */
export function addConnect(bunker: Command, world: World): void {
  addTerms(
    bunker
      .command('connect')
      .argument('<key>', 'the key id, or its beginning')
      .argument('<uri>', 'what the program shows: nostrconnect://…')
      .description('let in a program that shows a nostrconnect string'),
  )
    .option('--as-asked', 'grant what the program asks for, but no credentials')
    .addHelpText(
      'after',
      `${presetHelp}\nExample:\n  quorate bunker connect 3f2a 'nostrconnect://…' --preset notes --as alice`,
    )
    .action(async (id: string, uri: string, options: Connecting, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      const asked = await refusing(() => Promise.resolve(readConnectUri(uri)))
      const wishes = describePermissions(permissionsOf(asked.permissions))
      terminal.progress(`the program calls itself ${visible(asked.metadata.name ?? 'nothing')}, which proves nothing`)
      terminal.progress(`it asks to ${wishes.join('; ') || 'connect'}`)
      const given = termsFrom(options)
      const terms = options.asAsked === true ? { ...askedTerms(asked.permissions), ...given } : given
      await withBunker(session, await actor(session, id), async (opened) => {
        const { grant, client, heard, missing } = await opened.bunker.accept(uri, terms, { signal })
        terminal.result({ event: 'connected', client, grant, heard, missing, keyId: opened.key.keyId }, [
          good(
            missing === 0 ? 'the program was answered' : `granted: it is answered once ${missing} more say the same`,
          ),
          field('client', npubOf(client)),
          ...tellers(opened, grant, heard),
        ])
      })
    })
}

/** `quorate bunker narrow`: let a program do less. */
export function addNarrow(bunker: Command, world: World): void {
  addTerms(
    bunker
      .command('narrow')
      .argument('<key>', 'the key id, or its beginning')
      .argument('<grant>', 'the name of the grant: 16 hex digits')
      .description('give one of your grants narrower terms: these, and nothing else'),
  )
    .addHelpText('after', `${presetHelp}\nExample:\n  quorate bunker narrow 3f2a 9b01c2d3e4f50617 --kind 1 --per-day 5`)
    .action(async (id: string, grant: string, options: TermOptions, command: Command) => {
      const session = openSession(command, world)
      const terms = termsFrom(options)
      await withBunker(session, await actor(session, id), async ({ bunker: opened, key }) => {
        const { heard } = await opened.narrow(grant, terms, { signal: session.signal })
        session.terminal.result({ event: 'narrowed', grant, heard, keyId: key.keyId }, [
          good('narrower from now on'),
          ...heardLines(heard),
        ])
      })
    })
}
