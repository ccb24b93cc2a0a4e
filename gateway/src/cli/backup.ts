import type { Command } from 'commander'
import { copyDatabase } from '../store/copy-database.ts'
import { inspectFile } from '../store/inspect.ts'
import { restoreDatabase } from '../store/restore-database.ts'
import { sayInspection } from './report.ts'
import { filesFor, type World } from './world.ts'

export function addBackup(program: Command, world: World): void {
  program
    .command('backup <file>')
    .description('copy the database to a new file, while the gateway runs, and check the copy')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { database, storageKey } = filesFor(command, world)
      const key = storageKey()
      await copyDatabase(database, file)
      world.say(`${file}: written. The storage key is not in it`)
      sayInspection(inspectFile(file, key), world)
    })
}

export function addRestore(program: Command, world: World): void {
  program
    .command('restore <file>')
    .description('put a backup in the place of the database, which is kept beside it; the gateway must not run')
    .option('--check', 'only open the backup and say what is in it')
    .option('--over-newer', 'also when the database that is there has what the backup lacks')
    .action(async (file: string, options: { check?: boolean; overNewer?: boolean }, command: Command) => {
      const { database, storageKey } = filesFor(command, world)
      if (options.check) {
        sayInspection(inspectFile(file, storageKey()), world)
        return
      }
      const restore = { from: file, to: database, storageKey: storageKey(), overNewer: options.overNewer ?? false }
      const { inspection, aside } = await restoreDatabase(restore)
      world.say(`${database}: restored from ${file}`)
      if (aside !== null) world.say(`what was there is kept as ${aside}`)
      sayInspection(inspection, world)
    })
}
