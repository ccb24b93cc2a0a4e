import type { Command } from 'commander'
import type { Key } from '../../key.ts'
import { milliseconds, openSession, type Session, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { bringUpToDate } from '../up-to-date.ts'

/** `quorate refresh`: new shares of a key, at its next epoch. */
export function addRefresh(program: Command, world: World): void {
  program
    .command('refresh')
    .argument('<key>', 'the key id, or its beginning')
    .description('give every enclave of a key a new share of it; old shares are of no use afterwards')
    .option('--expires <time>', 'how long to wait for enclaves that are not there', '1h')
    .addHelpText(
      'after',
      '\nThe key stays the same. The other participants then run `quorate update KEY`.\n' +
        '\nExample:\n  quorate refresh 3f2a --as alice',
    )
    .action(async (id: string, options: Readonly<{ expires: string }>, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      const kept = await session.home.key(id)
      const me = await session.participant(kept.gateway)
      const key = await bringUpToDate(session, me, kept)
      const refresh = await me.requestRefresh(key, { expiresIn: milliseconds(options.expires), signal })
      terminal.progress(`refresh ${refresh.refreshId}: waiting for the ${key.participants.length} hosts`)
      terminal.progress(`stop whenever you like: \`quorate update ${key.keyId}\` finds out what became of it`)
      await keep(session, 'refreshed', await refresh.completed(session.waiting()))
    })
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
