import { join } from 'node:path'
import { KeyId } from '@quorate/shared/wire/ids'
import * as z from 'zod/mini'
import { folder, readIfThere, write } from './files.ts'
import { parse } from './seeds.ts'
import { UsageError } from './usage.ts'

/** How a person calls keys on this machine. */
const NamesFile = z.record(z.string(), KeyId)

/** Words of `quorate key` itself. */
const taken: readonly string[] = ['rename', 'export', 'import', 'help']

export type Names = Readonly<{
  /** Name to key id. */
  names: () => Promise<Readonly<Record<string, string>>>
  /** Calls a key so, and no longer otherwise; null for no name. Throws `UsageError`. */
  rename: (keyId: string, name: string | null) => Promise<void>
}>

export function namesIn(path: string): Names {
  const fileFor = async () => join(await folder(path, 'names'), 'keys.json')
  const names = async () => {
    const file = await fileFor()
    const text = await readIfThere(file)
    const read = text === null ? {} : parse(NamesFile, text)
    if (read === null) throw new UsageError(`${file} is damaged: remove it, and name the keys again`)
    return read
  }
  return {
    names,
    async rename(keyId, name) {
      const others = Object.entries(await names()).filter(([, id]) => id !== keyId)
      if (name !== null) requireName(name, others)
      const all = name === null ? others : [...others, [name, keyId]]
      await write(await fileFor(), JSON.stringify(Object.fromEntries(all)) + '\n')
    },
  }
}

function requireName(name: string, others: readonly (readonly [string, string])[]): void {
  if (!/^[\p{L}\p{N}._-]{1,40}$/u.test(name) || taken.includes(name))
    throw new UsageError(`${name} is no name for a key: letters, digits and . _ -, at most 40`)
  if (/^[0-9a-f]+$/.test(name))
    throw new UsageError(`${name} could be the beginning of a key id: use another letter too`)
  if (others.some(([other]) => other === name)) throw new UsageError(`another key is called ${name} already`)
}
