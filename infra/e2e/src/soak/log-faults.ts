import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LogLine } from '@quorate/shared/log-line'

const bad: ReadonlySet<string> = new Set(['error', 'fatal'])

/** Every line in the logs of gateway and enclaves that says of itself that it is an error. */
export function logFaults(state: string): string[] {
  const files = readdirSync(join(state, 'logs')).filter((name) => /^(gateway|enclave-\d+)\.log$/.test(name))
  return files.flatMap((name) =>
    readFileSync(join(state, 'logs', name), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && isFault(line))
      .map((line) => `${name}: ${line}`),
  )
}

/** What is no line of the common form was written by nobody who meant to. */
function isFault(line: string): boolean {
  try {
    return bad.has(LogLine.parse(JSON.parse(line)).level)
  } catch {
    return true
  }
}
