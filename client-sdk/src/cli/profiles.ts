import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayAddress } from '@quorate/shared/wire/gateway-address'
import { UserId } from '@quorate/shared/wire/ids'
import * as z from 'zod/mini'
import { folder, write } from './files.ts'
import { parse } from './seeds.ts'
import { UsageError } from './usage.ts'

/** The home itself, which is there without being added. */
export const defaultProfile = 'default'

/** What stands for options that are not said. */
const Settings = z.strictObject({ gateway: z.optional(GatewayAddress), as: z.optional(UserId) })
export type Settings = z.infer<typeof Settings>

/** A name for a home of its own, which lies in the home of this machine. */
export type Profile = Readonly<{ name: string; home: string; settings: Settings }>

const folderOf = (root: string, name: string): string =>
  name === defaultProfile ? root : join(root, 'profiles', encodeURIComponent(name))

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** The profiles of a home, by name. */
export function profilesIn(root: string): string[] {
  const made = join(root, 'profiles')
  mkdirSync(made, { recursive: true, mode: 0o700 })
  const folders = readdirSync(made, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [defaultProfile, ...folders.map((entry) => decodeURIComponent(entry.name)).sort()]
}

/** Throws `UsageError` for one that was not added. */
export function openProfile(root: string, name: string): Profile {
  const home = folderOf(root, name)
  const text = readIfThere(join(home, 'profile.json'))
  if (text === null && name !== defaultProfile)
    throw new UsageError(
      `no profile ${name} here: there are ${profilesIn(root).join(', ')}; or \`quorate profile add ${name}\``,
    )
  const settings = text === null ? {} : parse(Settings, text)
  if (settings === null)
    throw new UsageError(`profile.json in ${home} is damaged: \`quorate profile add ${name}\` writes it anew`)
  return { name, home, settings }
}

/** Makes a profile, or says its settings anew. Throws `UsageError`. */
export async function addProfile(root: string, name: string, settings: Settings): Promise<Profile> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,39}$/u.test(name))
    throw new UsageError(`${name} is no name for a profile: letters, digits and . _ -, at most 40`)
  const home = folderOf(root, name)
  await write(join(await folder(home, '.'), 'profile.json'), JSON.stringify(settings) + '\n')
  return { name, home, settings }
}

/** The profile that `quorate profile use` has named. */
export const profileInUse = (root: string): string =>
  readIfThere(join(root, 'profile-in-use'))?.trim() ?? defaultProfile

export async function useProfile(root: string, name: string): Promise<void> {
  await write(join(await folder(root, '.'), 'profile-in-use'), openProfile(root, name).name + '\n')
}
