import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { signalGroup } from './child.ts'

const Relays = z.record(z.string(), z.int().min(2))

/** Keeps the pids of the relays, which have no leash: those of a supervisor that was killed are ended by the next. */
export type Leftovers = Readonly<{ remember: (name: string, pid: number) => void; forget: () => void }>

/** Ends what a former fleet on this state has left running, and begins a list of its own. */
export function reapLeftovers(root: string): Leftovers {
  const path = join(root, 'relays.json')
  for (const [name, pid] of Object.entries(read(path))) if (isRelay(pid, name)) signalGroup(pid, 'SIGKILL')
  const relays = new Map<string, number>()
  return {
    remember: (name, pid) => {
      relays.set(name, pid)
      writeFileSync(path, JSON.stringify(Object.fromEntries(relays)), { mode: 0o600 })
    },
    forget: () => rmSync(path, { force: true }),
  }
}

function read(path: string): z.infer<typeof Relays> {
  try {
    return Relays.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return {}
  }
}

/** A pid may belong to another by now: it must be a relay before an enclave of this name. */
function isRelay(pid: number, name: string): boolean {
  try {
    const args = commandOf(pid)
    return args.includes('TCP-LISTEN:') && args.includes(`/${name.replace(/^vsock-/, '')}.sock`)
  } catch {
    return false
  }
}

const commandOf = (pid: number): string =>
  process.platform === 'linux'
    ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    : execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
