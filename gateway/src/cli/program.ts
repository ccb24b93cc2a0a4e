import { Command, CommanderError } from 'commander'
import { addArchiveAudit, addVerifyAudit } from './audit.ts'
import { addBackup, addRestore } from './backup.ts'
import { addInit, addRotateKey } from './keys.ts'
import { version } from '../version.ts'
import { NotWhole, UsageError, type World } from './world.ts'

const about = `
Exit codes: 0 done, 1 refused, failed or damaged, 2 used wrongly

Environment: QUORATE_DATABASE, QUORATE_STORAGE_KEY_FILE stand for the options, as for the gateway`

function buildProgram(world: World): Command {
  const program = new Command('quorate-gateway')
    .description("Looks after the gateway's database and its storage key")
    .option('--database <file>', 'the database of the gateway')
    .option('--storage-key <file>', 'the storage key: 32 bytes as hex, mode 0600')
    .version(version())
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('(quorate-gateway --help shows how)')
    .addHelpText('after', about)
  for (const add of [addInit, addBackup, addRestore, addVerifyAudit, addArchiveAudit, addRotateKey]) add(program, world)
  const lines = (write: World['say']) => (text: string) => write(text.replace(/\n$/, ''))
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeOut: lines(world.say), writeErr: lines(world.complain) })
  return program
}

/** Runs one command line (without node and script) in a world, and gives its exit code. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    await buildProgram(world).parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof NotWhole) return 1
    world.complain(error instanceof Error ? error.message : 'something failed')
    return error instanceof UsageError ? 2 : 1
  }
}
