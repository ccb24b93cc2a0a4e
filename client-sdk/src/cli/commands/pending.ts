import type { Command } from 'commander'
import type { Key } from '../../key.ts'
import type { Signing } from '../../signing/signing.ts'
import { chosenKeys, everyAt } from '../keys-here.ts'
import { openSession, type Session, type World } from '../session.ts'
import { bringUpToDate, watchNewest, withNewest } from '../up-to-date.ts'
import { signingLines } from '../deciding.ts'

type Options = Readonly<{ key?: string; watch?: boolean }>

/** `quorate pending`: what waits for the own word, at all keys. */
export function addPending(program: Command, world: World): void {
  program
    .command('pending')
    .description('list the requests that wait for your word, at all keys of this machine')
    .option('--key <key>', 'only at this key')
    .option('--watch', 'go on, and show each new one as it comes')
    .addHelpText('after', '\nExamples:\n  quorate pending --as bob\n  quorate pending --watch --json')
    .action(async (options: Options, command: Command) => {
      const session = openSession(command, world)
      const keys = await chosenKeys(session, options.key)
      if (options.watch === true) {
        session.terminal.progress('waiting for requests; Ctrl-C ends it')
        session.goesOn('nothing was approved or rejected')
        await everyAt(session, keys, (key, signal) => watchKey(session, key, signal))
        return
      }
      const pending = (await everyAt(session, keys, (key, signal) => pendingAt(session, key, signal))).flat()
      const { terminal } = session
      terminal.result({ pending: pending.map(valueOf) }, [
        ...pending.flatMap(signingLines),
        pending.length === 0 ? 'nothing waits for you' : 'then: quorate approve SIGNING',
      ])
    })
}

const valueOf = ({ signingId, key, asker, expiresAt, items }: Signing) => ({
  signingId,
  keyId: key.keyId,
  asker,
  expiresAt,
  items,
})

async function pendingAt(session: Session, kept: Key, signal: AbortSignal): Promise<Signing[]> {
  const me = await session.participant(kept.gateway)
  const key = await bringUpToDate(session, me, kept)
  return withNewest(session, me, key, (newest) => me.pendingSignings(newest, { signal }))
}

/** Shows each once, whatever becomes of the key meanwhile. Ends with the signal only. */
async function watchKey(session: Session, kept: Key, signal: AbortSignal): Promise<void> {
  const me = await session.participant(kept.gateway)
  const shown = new Set<string>()
  for await (const signing of watchNewest(session, me, kept, signal)) {
    if (shown.has(signing.signingId)) continue
    shown.add(signing.signingId)
    session.terminal.result({ event: 'pending', ...valueOf(signing) }, signingLines(signing))
  }
}
