import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { Random32, UserId } from '@quorate/shared/wire/ids'
import { z } from 'zod'
import { fileOf, folder, list, nameIn, readIfThere } from './files.ts'
import { UsageError } from './usage.ts'

/** A seed as a file keeps it. SECRET. Releases before wrote the 32 bytes alone, in hex. */
const SeedFile = z.strictObject({ format: z.literal('quorate-seed/v1'), userId: UserId, seed: Random32 })

const ending = '.seed'

export type Seeds = Readonly<{
  /** The seed of a participant who has taken part here before. */
  seed: (userId: string) => Promise<Uint8Array>
  /** The same, drawn when there is none: for who takes part in a first key. */
  seedOrNew: (userId: string) => Promise<Uint8Array>
  participants: () => Promise<string[]>
}>

export function seedsIn(path: string): Seeds {
  const fileFor = async (userId: string) => {
    const seeds = await folder(path, 'seeds')
    return fileOf(userId, (name) => join(seeds, name + ending))
  }
  const participants = async () => {
    const seeds = await folder(path, 'seeds')
    const names: string[] = []
    for (const written of await list(path, 'seeds', ending)) {
      const name = nameIn(written) ?? (await ownerOf(join(seeds, written + ending)))
      if (name !== null) names.push(name)
    }
    return names
  }
  return {
    participants,
    async seed(userId) {
      const known = await readSeed(await fileFor(userId), userId)
      if (known !== null) return known
      const here = (await participants()).join(', ') || 'nobody'
      throw new UsageError(`${userId} has no seed in ${path}: ${here} can be named with --as`)
    },
    async seedOrNew(userId) {
      const file = await fileFor(userId)
      const known = await readSeed(file, userId)
      if (known !== null) return known
      const seed = new Uint8Array(randomBytes(32))
      const kept = { format: 'quorate-seed/v1', userId, seed: toHex(seed) }
      await writeFile(file, JSON.stringify(kept) + '\n', { mode: 0o600, flag: 'wx', flush: true })
      return seed
    },
  }
}

/** Whose seed is in a file whose name does not say it; null when it is damaged. */
async function ownerOf(file: string): Promise<string | null> {
  const read = parse((await readIfThere(file)) ?? '')
  return read?.userId ?? null
}

async function readSeed(file: string, userId: string): Promise<Uint8Array | null> {
  const text = await readIfThere(file)
  if (text === null) return null
  if (/^[0-9a-f]{64}\s*$/.test(text)) return fromHex(text.trim())
  const read = parse(text)
  if (read?.userId !== userId) throw new UsageError(`${file} is not a seed of ${userId}: a backup of it is needed`)
  return fromHex(read.seed)
}

function parse(text: string): z.infer<typeof SeedFile> | null {
  try {
    return SeedFile.parse(JSON.parse(text))
  } catch {
    return null
  }
}
