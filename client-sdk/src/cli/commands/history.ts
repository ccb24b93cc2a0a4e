import type { Command } from 'commander'
import { openSession, type World } from '../session.ts'
import { field, time } from '../terminal.ts'
import { UsageError } from '../usage.ts'

/** `quorate history`: what was asked for and decided on this machine. */
export function addHistory(program: Command, world: World): void {
  program
    .command('history')
    .argument('[key]', 'only of this key')
    .description('show what was asked for, approved, rejected and signed on this machine')
    .option('--last <n>', 'so many at most', '20')
    .addHelpText('after', '\nExamples:\n  quorate history\n  quorate history 3f2a --last 100 --json')
    .action(async (id: string | undefined, { last }: { last: string }, command: Command) => {
      const { home, terminal } = openSession(command, world)
      const count = Number(last)
      if (!Number.isInteger(count) || count < 1) throw new UsageError(`--last ${last}: a whole number is expected`)
      const keyId = id === undefined ? null : (await home.key(id)).keyId
      const all = (await home.history()).filter((entry) => keyId === null || entry.keyId === keyId)
      const entries = all.slice(-count)
      const lines = entries.map(({ at, event, signingId, userId, what }) =>
        field(time(at).slice(0, 19), `${event} ${signingId.slice(0, 8)} by ${userId}: ${what}`),
      )
      terminal.result({ entries }, lines.length > 0 ? lines : ['nothing was signed here'])
    })
}
