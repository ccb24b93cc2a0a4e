import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError } from './events.ts'

/** One fleet per state folder: two would overwrite each other's enclaves. Gives what releases it. Throws a `FleetError`. */
export function lockState(root: string): () => void {
  const path = join(root, 'fleet.pid')
  const owner = ownerOf(path)
  if (owner !== null && isAlive(owner))
    throw new FleetError(`a fleet runs on ${root} already (pid ${owner}): stop it, or choose another folder: STATE=…`)
  writeFileSync(path, String(process.pid), { mode: 0o600 })
  return () => {
    if (ownerOf(path) === process.pid) rmSync(path, { force: true })
  }
}

function ownerOf(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return Number.isInteger(pid) && pid > 1 ? pid : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
