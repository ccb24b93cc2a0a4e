import { InvalidArgumentError, type Command } from 'commander'
import { archiveAudit } from '../store/audit-archive.ts'
import { verifyAuditOf } from '../store/verify-audit.ts'
import { auditLine } from './report.ts'
import { filesFor, type World } from './world.ts'

export function addVerifyAudit(program: Command, world: World): void {
  program
    .command('verify-audit [archives...]')
    .description('check the whole audit chain, in the database and in the archives before it; the gateway may run')
    .action(async (archives: string[], _options: unknown, command: Command) => {
      const { database, storageKey } = filesFor(command, world)
      const { report, archived } = await verifyAuditOf({ path: database, storageKey: storageKey(), archives })
      for (const { file, records, last } of archived) world.say(`${file}: ${records} records, to ${last.seq}`)
      world.say(auditLine(report))
    })
}

function count(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a number of records is expected')
}

export function addArchiveAudit(program: Command, world: World): void {
  program
    .command('archive-audit <file>')
    .description('move old audit records to a new file that anybody can verify; the gateway may run')
    .option('--keep <records>', 'how many of the newest stay in the database', count, 10_000)
    .action(async (file: string, { keep }: { keep: number }, command: Command) => {
      const { database, storageKey } = filesFor(command, world)
      const archived = await archiveAudit({ path: database, storageKey: storageKey(), file, keep })
      if (archived === null) world.say(`nothing to archive: there are no more than ${keep} records`)
      else
        world.say(
          `${file}: ${archived.records} records, to ${archived.last.seq}, head ${archived.last.hash.toString('hex')}`,
        )
    })
}
