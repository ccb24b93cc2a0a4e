import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where everything of a fleet lives. Only `sockets` may be elsewhere. */
export type StateFolder = Readonly<{
  root: string
  /** The chain of the simulated Nitro system, whose private key forges documents of this fleet. */
  hypervisor: string
  kms: string
  gateway: string
  logs: string
  sockets: string
  /** Removes what does not outlive a run. */
  tidy: () => void
}>

/** `sun_path` of a UNIX socket holds 104 bytes on macOS and 108 on Linux, with a zero at its end. */
const longestSocketPath = 103
const longestSocketName = '/nsm-enclave-99.sock'.length

/** Makes the folder, for its owner alone. */
export function openStateFolder(state: string): StateFolder {
  const root = resolve(state)
  const folder = (name: string) => {
    const path = join(root, name)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }
  folder('.')
  chmodSync(root, 0o700)
  const inside = join(root, 'sockets')
  const fits = Buffer.byteLength(inside) + longestSocketName <= longestSocketPath
  const sockets = fits ? folder('sockets') : mkdtempSync(join(tmpdir().length < 60 ? tmpdir() : '/tmp', 'quorate-'))
  return {
    root,
    hypervisor: folder('hypervisor'),
    kms: folder('kms'),
    gateway: folder('gateway'),
    logs: folder('logs'),
    sockets,
    tidy: () => rmSync(sockets, { recursive: true, force: true }),
  }
}
