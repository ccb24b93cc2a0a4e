import { Argument, type Command } from 'commander'
import type { World } from '../session.ts'
import { writeLine } from '../terminal.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** `quorate completion`: what a shell completes, made of the commands as they are. */
export function addCompletion(program: Command, world: World): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .description('print a script that completes commands and options in a shell')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate completion bash > ~/.local/share/bash-completion/completions/quorate\n' +
        '  quorate completion zsh > ~/.zfunc/_quorate      # and in .zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit\n' +
        '  quorate completion fish > ~/.config/fish/completions/quorate.fish',
    )
    .action((shell: Shell) => writeLine(world.stdout, scripts[shell](words(program))))
}

/** What may follow a line of commands: their names, and options. */
type Words = ReadonlyMap<string, readonly string[]>

function words(command: Command, path = '', all = new Map<string, readonly string[]>()): Words {
  const options = [...command.options, ...(command.parent?.options ?? [])].flatMap(({ long }) => long ?? [])
  const names = command.commands.map((one) => one.name())
  all.set(path, [...names, ...new Set([...options, '--help'])])
  for (const one of command.commands) words(one, `${path} ${one.name()}`.trim(), all)
  return all
}

/** Lines of a `case` over the commands that stand on the line. */
const cases = (all: Words, then: (words: string) => string): string =>
  [...all].map(([path, list]) => `    '${path}') ${then(list.join(' '))} ;;`).join('\n')

/** Joins the commands of the line that are known, and leaves options out. */
const walk = (all: Words, list: string): string => `  local path='' word
  for word in ${list}; do
    case "$path $word" in
      ${[...all.keys()]
        .filter((path) => path !== '')
        .map((path) => `'${path.includes(' ') ? path : ` ${path}`}'`)
        .join('|')}) path="\${path:+$path }$word" ;;
    esac
  done`

const scripts: Readonly<Record<Shell, (all: Words) => string>> = {
  bash: (all) => `_quorate() {
${walk(all, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  local words=''
  case "$path" in
${cases(all, (list) => `words='${list}'`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _quorate quorate`,
  zsh: (all) => `#compdef quorate
_quorate() {
${walk(all, '"${(@)words[2,CURRENT-1]}"')}
  case "$path" in
${cases(all, (list) => `compadd -- ${list}`)}
  esac
  _files
}
compdef _quorate quorate`,
  fish: (all) =>
    [...all]
      .map(([path, list]) => {
        const at =
          path === ''
            ? '__fish_use_subcommand'
            : path
                .split(' ')
                .map((name) => `__fish_seen_subcommand_from ${name}`)
                .join('; and ')
        return `complete -c quorate -n '${at}' -a '${list.join(' ')}'`
      })
      .join('\n'),
}
