import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { bold, dim, green, red } from 'yoctocolors'

export type Streams = Readonly<{ stdin: Readable; stdout: Writable; stderr: Writable; interactive: boolean }>

/** Where a command speaks: results to stdout, for people or as one JSON object a line; progress to stderr, for people only. */
export type Terminal = Readonly<{
  json: boolean
  interactive: boolean
  /** The result: `value` with --json, else the lines. */
  result: (value: unknown, lines: readonly string[]) => void
  progress: (text: string) => void
  /** Null when nobody is there to answer. */
  ask: (question: string) => Promise<string | null>
}>

export function openTerminal({ stdin, stdout, stderr, interactive }: Streams, json: boolean): Terminal {
  return {
    json,
    interactive,
    result: (value, lines) => writeLine(stdout, json ? JSON.stringify(value) : lines.join('\n')),
    progress: (text) => {
      if (!json) writeLine(stderr, dim(text))
    },
    async ask(question) {
      if (!interactive || json) return null
      const line = createInterface({ input: stdin, output: stderr })
      try {
        return await line.question(question)
      } finally {
        line.close()
      }
    },
  }
}

/** One line, in colours for a terminal only. */
export const writeLine = (stream: Writable & { isTTY?: boolean }, text: string): void => {
  stream.write((stream.isTTY === true ? text : stripVTControlCharacters(text)) + '\n')
}

export const good = (text: string): string => `${green('✓')} ${text}`
export const bad = (text: string): string => `${red('✗')} ${text}`
export const field = (name: string, value: string): string => `${dim(name.padEnd(14))} ${value}`
export const heading = (text: string): string => bold(text)
