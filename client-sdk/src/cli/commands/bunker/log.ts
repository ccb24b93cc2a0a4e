import { visible } from '@quorate/shared/contents/shown'
import type { Command } from 'commander'
import { logStart, type LogPage, type LogProblem, type ReadLine } from '../../../bunker/log.ts'
import type { Key } from '../../../key.ts'
import { openSession, type World } from '../../session.ts'
import { bad, field, heading } from '../../terminal.ts'
import { exitCodes, type ExitCode } from '../../usage.ts'
import { actor, npubOf, withBunker } from './opened.ts'

type Options = Readonly<{ follow?: boolean; rules?: boolean }>

/** Which rule of whose book decided; with `rules`, also why no rule before it did. */
function judgementLines(key: Key, { line }: ReadLine, rules: boolean): string[] {
  const nameOf = (index: number) => key.participants[index - 1] ?? String(index)
  return line.judgements.flatMap(({ index, does, rule, observed, passed }) => [
    field(nameOf(index), visible(`${does} by ${rule} (${observed})`)),
    ...(rules ? passed.map((one) => field('', visible(`not ${one.rule}: ${one.unmet} (${one.observed})`))) : []),
  ])
}

const lineLines = (key: Key, read: ReadLine, rules: boolean): string[] => {
  const { line, time, host, receipts, at } = read
  const why = line.code === null ? '' : `, ${visible(line.code)}`
  return [
    heading(`${at}  ${new Date(time).toISOString()}  ${visible(line.wish) || 'unreadable'}: ${line.outcome}${why}`),
    field('program', npubOf(line.client)),
    ...(line.peer === null ? [] : [field('peer', npubOf(line.peer))]),
    field('told by', `the host of ${host.join(', ')}`),
    ...judgementLines(key, read, rules),
    ...(receipts.length > 0
      ? [field('signed by', `the shares of ${receipts.map(({ body }) => key.participants[body.index - 1]).join(', ')}`)]
      : []),
  ]
}

const problemValue = ({ code, at, culprits, issues }: LogProblem) => ({ event: 'problem', code, at, culprits, issues })

/** `quorate bunker log`: what programs asked for, and what became of it. */
export function addLog(bunker: Command, world: World, exit: (code: ExitCode) => void): void {
  bunker
    .command('log')
    .argument('<key>', 'the key id, or its beginning')
    .description('show what programs asked for, what became of it and by which rule; verify that no line is missing')
    .option('--follow', 'go on with what comes')
    .option('--rules', 'also why no rule before it decided')
    .addHelpText(
      'after',
      '\nEach line is signed by the host that wrote it, and names the one before. Exit code 3: a line is forged, or missing.\n' +
        '\nExample:\n  quorate bunker log 3f2a --follow',
    )
    .action(async (id: string, { follow = false, rules = false }: Options, command: Command) => {
      const session = openSession(command, world)
      const { terminal, signal } = session
      const show = (key: Key, { lines, problems }: LogPage) => {
        for (const line of lines) terminal.result({ event: 'line', ...line }, lineLines(key, line, rules))
        if (problems.length > 0) exit(exitCodes.untrusted)
        for (const problem of problems) terminal.result(problemValue(problem), problem.issues.map(bad))
      }
      await withBunker(session, await actor(session, id), async ({ bunker: opened, key }) => {
        let after = logStart
        for (let wait = 0; ; wait = follow ? 25_000 : 0) {
          const page = await opened.log({ after, wait, signal })
          const isEnd = page.next.at === after.at
          if (isEnd && !follow) return
          if (!isEnd) show(key, page)
          after = page.next
        }
      })
    })
}
