import { writeFile } from 'node:fs/promises'
import { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Command } from 'commander'
import type { Key } from '../../key.ts'
import type { Participant } from '../../participant.ts'
import { readBytes } from '../content.ts'
import { milliseconds, openSession, type Session, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { bringUpToDate } from '../up-to-date.ts'
import { UsageError } from '../usage.ts'

type Options = Readonly<{ expires: string; draft?: string; second?: string; request?: string }>

/** `quorate refresh`: new shares of a key, at its next epoch. */
export function addRefresh(program: Command, world: World): void {
  program
    .command('refresh')
    .argument('<key>', 'the key id, or its beginning')
    .description('give every enclave of a key a new share of it; no enclave signs with an old one afterwards')
    .option('--expires <time>', 'how long to wait for enclaves that are not there', '1h')
    .option(
      '--draft <file>',
      'write the signed request to this file and send nothing: a second participant is to sign it',
    )
    .option('--second <file>', "sign another participant's request in this file too, and send nothing")
    .option('--request <file>', 'send the request in this file')
    .addHelpText(
      'after',
      '\nThe key stays the same. The other participants then run `quorate update KEY`. One participant can have a key refreshed once a\n' +
        'day; with a second one, as often as the two like.\n' +
        '\nExamples:\n  quorate refresh 3f2a --as alice\n  quorate refresh 3f2a --draft wish.json --as alice\n' +
        '  quorate refresh 3f2a --second wish.json --as bob\n  quorate refresh 3f2a --request wish.json --as alice',
    )
    .action(async (id: string, options: Options, command: Command) => {
      const session = openSession(command, world)
      const kept = await session.home.key(id)
      const me = await session.participant(kept.gateway)
      const key = await bringUpToDate(session, me, kept)
      if (options.draft !== undefined || options.second !== undefined) await write(session, me, key, options)
      else await ask(session, me, key, options)
    })
}

/** Writes a request down for two participants to sign. */
async function write(
  { terminal }: Session,
  me: Participant,
  key: Key,
  { expires, draft, second = '' }: Options,
): Promise<void> {
  const request =
    draft === undefined
      ? await me.secondRefresh(key, await readRequest(second))
      : await me.draftRefresh(key, { expiresIn: milliseconds(expires) })
  const file = draft ?? second
  await writeFile(file, JSON.stringify(request, null, 2) + '\n')
  const { refreshId } = request.body
  terminal.result({ event: draft === undefined ? 'seconded' : 'drafted', refreshId, keyId: key.keyId, file }, [
    good(`signed as ${me.userId}, and not sent: ${file}`),
  ])
}

/** Asks, waits, and keeps the key at its next epoch. */
async function ask(session: Session, me: Participant, key: Key, { expires, request: file }: Options): Promise<void> {
  const { terminal, signal } = session
  const request = file === undefined ? {} : { request: await readRequest(file) }
  const refresh = await me.requestRefresh(key, { expiresIn: milliseconds(expires), signal, ...request })
  terminal.progress(`refresh ${refresh.refreshId}: waiting for the ${key.participants.length} hosts`)
  const goesOn = `the refresh goes on: \`quorate update ${key.keyId}\` finds out what became of it`
  session.goesOn(goesOn)
  terminal.progress(`stop whenever you like, ${goesOn}`)
  await keep(session, 'refreshed', await refresh.completed({ signal }))
}

async function readRequest(file: string): Promise<RefreshRequest> {
  try {
    return RefreshRequest.parse(JSON.parse((await readBytes(file)).toString()))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${file} is not a request for a refresh: \`quorate refresh KEY --draft FILE\` writes one`)
  }
}

/** `quorate update`: brings the key of this machine to the epoch that somebody has refreshed it to. */
export function addUpdate(program: Command, world: World): void {
  program
    .command('update')
    .argument('<key>', 'the key id, or its beginning')
    .description('bring a key to its present epoch, after somebody has refreshed it')
    .addHelpText('after', '\nExample:\n  quorate update 3f2a')
    .action(async (id: string, _: unknown, command: Command) => {
      const session = openSession(command, world)
      const key = await session.home.key(id)
      const quorate = await session.quorate(key.gateway)
      await keep(session, 'updated', await quorate.latest(key, { signal: session.signal }))
    })
}

async function keep({ home, terminal }: Session, event: 'refreshed' | 'updated', key: Key): Promise<void> {
  const file = await home.saveKey(key)
  const { epoch } = key.certificate.body
  terminal.result({ event, keyId: key.keyId, epoch, groupKey: key.groupKey, certificate: key.digest, file }, [
    good(`${event}: the same key at epoch ${epoch}, certificate verified`),
    field('public key', key.groupKey),
    field('certificate', key.digest),
    field('kept in', file),
  ])
}
