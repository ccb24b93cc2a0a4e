import { createInterface } from 'node:readline/promises'
import { Writable, type Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { bold, dim, green, red } from 'yoctocolors'
import type { Deadline } from './deadline.ts'

export type Streams = Readonly<{ stdin: Readable; stdout: Writable; stderr: Writable; interactive: boolean }>

/** Where a command speaks: results to stdout, for people or as one JSON object a line; progress to stderr, for people only. */
export type Terminal = Readonly<{
  json: boolean
  interactive: boolean
  /** The result: `value` with --json, else the lines. */
  result: (value: unknown, lines: readonly string[]) => void
  progress: (text: string) => void
  /** Something that went wrong and is passed over: on stderr for people, as an object of its own for scripts. */
  warn: (value: unknown, text: string) => void
  /** Null when nobody is there to answer. */
  ask: (question: string) => Promise<string | null>
  /** The same, and what is typed is not shown. */
  askSecret: (question: string) => Promise<string | null>
}>

export function openTerminal(
  { stdin, stdout, stderr, interactive }: Streams,
  json: boolean,
  { signal, deadline }: Readonly<{ signal: AbortSignal; deadline: Deadline }>,
): Terminal {
  const read = async (question: string, shown: Writable): Promise<string | null> => {
    if (!interactive || json) return null
    const isHidden = shown !== stderr
    if (isHidden) stderr.write(question)
    const line = createInterface({ input: stdin, output: shown, ...(isHidden ? { terminal: true } : {}) })
    // The terminal hands Ctrl-C to the line, and not to the process.
    line.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    deadline.pause()
    try {
      return await line.question(isHidden ? '' : question, { signal })
    } finally {
      if (isHidden) stderr.write('\n')
      deadline.go()
      line.close()
    }
  }
  return {
    json,
    interactive,
    result: (value, lines) => writeLine(stdout, json ? JSON.stringify(value) : lines.join('\n')),
    progress: (text) => {
      if (!json) writeLine(stderr, dim(text))
    },
    warn: (value, text) => {
      if (json) writeLine(stdout, JSON.stringify(value))
      else writeLine(stderr, bad(text))
    },
    ask: (question) => read(question, stderr),
    askSecret: (question) => read(question, nowhere()),
  }
}

/** Shows nothing of what is typed. */
const nowhere = (): Writable => new Writable({ write: (_, __, done) => done() })

/** One line, in colours for a terminal only. */
export const writeLine = (stream: Writable & { isTTY?: boolean }, text: string): void => {
  stream.write((stream.isTTY === true ? text : stripVTControlCharacters(text)) + '\n')
}

export const good = (text: string): string => `${green('✓')} ${text}`
export const bad = (text: string): string => `${red('✗')} ${text}`
export const field = (name: string, value: string): string => `${dim(name.padEnd(14))} ${value}`
/** As people and programs read it, in UTC. */
export const time = (at: number): string => new Date(at).toISOString()
export const heading = (text: string): string => bold(text)
