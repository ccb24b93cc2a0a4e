import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A process that answers each line with a line. It says the first one by itself. */
export type Lines = Readonly<{ first: string; ask: (line: string) => Promise<string>; close: () => Promise<void> }>

/** Of `relay/main`, the file that runs: the source or what was compiled from it. */
const fileOf = (entry: string): string =>
  fileURLToPath(new URL(`${entry}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

/** Starts a program of this workspace as a process of its own, which ends when its input does. */
export async function startLines(entry: string, ...args: string[]): Promise<Lines> {
  const child = spawn(process.execPath, [fileOf(entry), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`${entry} has ended`)
    return value
  }
  let last = read()
  const first = await last
  return {
    first,
    ask: (line) => {
      child.stdin.write(`${line}\n`)
      last = last.then(read)
      return last
    },
    close: async () => {
      child.stdin.end()
      await closed
    },
  }
}
