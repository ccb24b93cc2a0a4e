import { spawn } from 'node:child_process'
import { entry } from '../../src/fleet/entry.ts'
import { noticed, until } from '../../../../shared/test/noticing.js'

const [condition = '', main = ''] = entry('infra/local', 'fleet/main')

/** What `make fleet` runs, on the sources. */
export function startMain(state: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [condition, main], {
    env: { ...process.env, STATE: state, PORT: '0', NO_COLOR: '1', ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      noticed()
    })
  child.once('exit', noticed)
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const says = (wanted: RegExp | string) =>
    until(() => output.search(wanted) >= 0 || child.exitCode !== null, String(wanted))
  return { child, ended, output: () => output, says }
}
