import type { Command } from 'commander'
import { readStorageKey } from '../storage-key.ts'

/** The world of one run. Each of `say` and `complain` takes a line. */
export type World = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  say: (line: string) => void
  complain: (line: string) => void
}>

/** The command was used in a way that cannot work; the text says what to do instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A database is not what it should be. The lines have been said. */
export class NotWhole extends Error {
  override readonly name = 'NotWhole'
}

/** The paths that every command takes. */
export type Files = Readonly<{ database: string; storageKeyFile: string; storageKey: () => Uint8Array }>

/** From the options, else from the gateway's environment. */
export function filesFor(command: Command, { env }: World): Files {
  const options = command.optsWithGlobals<{ database?: string; storageKey?: string }>()
  const pick = (option: string | undefined, flag: string, name: string): string => {
    const path = option ?? env[name]
    if (path === undefined || path === '') throw new UsageError(`which file? Say ${flag} FILE, or set ${name}`)
    return path
  }
  const storageKeyFile = pick(options.storageKey, '--storage-key', 'QUORATE_STORAGE_KEY_FILE')
  const setting = options.storageKey === undefined ? 'QUORATE_STORAGE_KEY_FILE' : '--storage-key'
  return {
    database: pick(options.database, '--database', 'QUORATE_DATABASE'),
    storageKeyFile,
    storageKey: () => readStorageKey(storageKeyFile, setting),
  }
}
