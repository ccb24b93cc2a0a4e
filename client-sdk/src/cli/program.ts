import { Command, CommanderError } from 'commander'
import { red } from 'yoctocolors'
import { QuorateError } from '../errors.ts'
import { addAdaptor } from './commands/adaptor.ts'
import { addApprove } from './commands/approve.ts'
import { addAttest } from './commands/attest.ts'
import { addBunker } from './commands/bunker/bunker.ts'
import { addCompletion } from './commands/completion.ts'
import { addDemo } from './commands/demo.ts'
import { addFleet } from './commands/fleet.ts'
import { addHistory } from './commands/history.ts'
import { addImport } from './commands/import.ts'
import { addKey } from './commands/key.ts'
import { addKeygen, addParticipate } from './commands/keygen.ts'
import { addPending } from './commands/pending.ts'
import { addProfiles } from './commands/profile.ts'
import { addRefresh, addUpdate } from './commands/refresh.ts'
import { addSeed } from './commands/seed.ts'
import { addSign } from './commands/sign.ts'
import { addStatus } from './commands/status.ts'
import { addToken } from './commands/token.ts'
import { addTrust } from './commands/trust.ts'
import { addVerify } from './commands/verify.ts'
import { addWithdraw } from './commands/withdraw.ts'
import type { Outside, World } from './session.ts'
import { writeLine } from './terminal.ts'
import { adviceFor, exitCodeOf, exitCodes, UsageError, type ExitCode } from './usage.ts'
import { version } from './version.ts'

const about = `
Exit codes: 0 done, 1 refused or failed, 2 used wrongly, 3 somebody or something did not verify, 4 time is over

Environment: QUORATE_GATEWAY, QUORATE_TRUST, QUORATE_HOME, QUORATE_PROFILE stand for the options of these names. The first line of the file
  QUORATE_PASSPHRASE_FILE is the passphrase of seeds; \`none\` keeps new ones in clear

A first key, by three people:
  alice$ quorate keygen --threshold 2 alice bob carol --as alice
  bob$   quorate participate 'quorate:join#…' --as bob
  carol$ quorate participate 'quorate:join#…' --as carol
  alice$ quorate sign KEY "hello"
  bob$   quorate approve --wait`

/** In the order of the help. */
const others = [
  addAttest,
  addKeygen,
  addImport,
  addParticipate,
  addSign,
  addApprove,
  addPending,
  addWithdraw,
  addStatus,
  addHistory,
  addKey,
  addToken,
  addSeed,
  addRefresh,
  addUpdate,
  addVerify,
  addAdaptor,
  addTrust,
  addProfiles,
  addCompletion,
  addDemo,
]

function buildProgram(world: World, exit: (code: ExitCode) => void): Command {
  const program = new Command('quorate')
    .description('Keys that are never in one place: make them, and sign with them')
    .option('--gateway <url>', 'the address of the gateway')
    .option('--trust <file>', 'whom to take for an enclave: JSON with roots and measurements')
    .option('--home <folder>', 'where seeds and keys are kept (default ~/.quorate)')
    .option('--profile <name>', 'which of the homes that `quorate profile` lists')
    .option('--as <name>', 'who acts, when several participants are kept here')
    .option('--timeout <time>', 'how long to wait at most: 90s, 15m')
    .option('--json', 'one JSON object a line, for scripts')
    .version(version())
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('(quorate --help shows how)')
    .addHelpText('after', about)
  addFleet(program, world, exit)
  for (const add of others) add(program, world)
  addBunker(program, world, exit)
  for (const command of withCommands(program))
    command.exitOverride().configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
    })
  return program
}

/** A command, and all below it. */
const withCommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withCommands)]

/** Runs one command line (without node and script) in a world, and gives its exit code. */
export async function run(argv: readonly string[], outside: Outside): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok
  let left: string | undefined
  const world: World = {
    ...outside,
    goesOn: (text) => {
      left = text
    },
  }
  try {
    const program = buildProgram(world, (said) => {
      code = said
    })
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    report(error, outside, { json: argv.includes('--json'), left })
    return exitCodeOf(error)
  }
}

const voices = { gateway: ', says the gateway', hosts: ', say the hosts', client: '' } as const

/** The issues stand on lines of their own. */
function titleOf(error: unknown): string {
  if (error instanceof QuorateError) return error.title
  return error instanceof Error ? error.message : 'something failed'
}

/** `left`: what goes on elsewhere. */
function report(
  error: unknown,
  { stdout, stderr, signal }: Outside,
  { json, left }: Readonly<{ json: boolean; left: string | undefined }>,
): void {
  if (signal.aborted) {
    if (json) writeLine(stdout, JSON.stringify({ event: 'interrupted', goesOn: left ?? null }))
    else writeLine(stderr, `interrupted: ${left ?? 'nothing goes on'}`)
    return
  }
  const known = error instanceof QuorateError
  const message = titleOf(error)
  if (json) {
    const code = error instanceof UsageError ? 'usage' : 'failed'
    const { by, culprits, retry, issues, requestId }: Partial<QuorateError> = known ? error : {}
    const value = { event: 'error', code: known ? error.code : code, message, by, culprits, retry, issues, requestId }
    writeLine(stdout, JSON.stringify(value))
    return
  }
  const isLate = known && error.code === 'wait.timeout'
  const advice = (isLate ? left : undefined) ?? adviceFor(error)
  const lines = [
    `${red('✗')} ${message}${known ? ` (${error.code}${voices[error.by]})` : ''}`,
    ...(known && error.culprits.length > 0 ? [`  participants to blame: ${error.culprits.join(', ')}`] : []),
    ...(known ? error.issues.map((issue) => `  ${issue}`) : []),
    ...(advice === undefined ? [] : [`  ${advice}`]),
    ...(known && error.requestId !== null ? [`  the gateway's operator finds it as request ${error.requestId}`] : []),
  ]
  writeLine(stderr, lines.join('\n'))
}
