import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { Random32, UserId } from '@quorate/shared/wire/ids'
import * as z from 'zod/mini'
import { fileOf, folder, list, nameIn, readIfThere, write } from './files.ts'
import { lock, unlock, workFactors, type Passphrases } from './passphrase.ts'
import { UsageError } from './usage.ts'

const format = z.literal('quorate-seed/v1')

/** A seed in clear. SECRET. */
export const PlainSeed = z.strictObject({ format, userId: UserId, seed: Random32 })
export type PlainSeed = z.infer<typeof PlainSeed>

/** `sealed`: an age file in armour, in which is a `PlainSeed`. */
const LockedSeed = z.strictObject({ format, userId: UserId, sealed: z.string() })

const SeedFile = z.union([PlainSeed, LockedSeed])

const ending = '.seed'

export type Seeds = Readonly<{
  /** The seed of a participant who has taken part here before. */
  seed: (userId: string) => Promise<Uint8Array>
  /** The same, drawn when there is none: for who takes part in a first key. */
  seedOrNew: (userId: string) => Promise<Uint8Array>
  /** Keeps a seed under this passphrase, or in clear, in place of what was kept. Throws `UsageError` when another seed of this name is here. */
  keepSeed: (userId: string, seed: Uint8Array, passphrase: string | null) => Promise<string>
  participants: () => Promise<string[]>
}>

export function seedsIn(path: string, passphrases: Passphrases): Seeds {
  const opened = new Map<string, Promise<Uint8Array | null>>()
  const fileFor = async (userId: string) => {
    const seeds = await folder(path, 'seeds')
    return fileOf(userId, (name) => join(seeds, name + ending))
  }
  // A person is asked once in a run.
  const known = (userId: string): Promise<Uint8Array | null> => {
    const seed = opened.get(userId) ?? fileFor(userId).then((file) => readSeed(file, userId, passphrases))
    opened.set(userId, seed)
    return seed
  }
  const keepSeed = async (userId: string, seed: Uint8Array, passphrase: string | null) => {
    const file = await fileFor(userId)
    const before = (await known(userId)) ?? seed
    if (toHex(before) !== toHex(seed)) throw new UsageError(`${file} is another seed of ${userId}: move it away first`)
    opened.set(userId, Promise.resolve(seed))
    return write(file, await written(userId, seed, passphrase))
  }
  return {
    participants: () => participantsIn(path),
    keepSeed,
    async seed(userId) {
      const seed = await known(userId)
      if (seed !== null) return seed
      const here = (await participantsIn(path)).join(', ') || 'nobody'
      throw new UsageError(`${userId} has no seed in ${path}: ${here} can be named with --as`)
    },
    async seedOrNew(userId) {
      const before = await known(userId)
      if (before !== null) return before
      const seed = new Uint8Array(randomBytes(32))
      await keepSeed(userId, seed, await passphrases.toKeep(`the seed of ${userId}`))
      return seed
    },
  }
}

async function participantsIn(path: string): Promise<string[]> {
  const names: string[] = []
  for (const written of await list(path, 'seeds', ending)) {
    const name = nameIn(written) ?? (await ownerOf(join(await folder(path, 'seeds'), written + ending)))
    if (name !== null) names.push(name)
  }
  return names
}

/** As a file keeps it. */
async function written(userId: string, seed: Uint8Array, passphrase: string | null): Promise<string> {
  const plain = writeSeed(userId, seed)
  if (passphrase === null) return plain + '\n'
  const sealed = await lock(plain, passphrase, workFactors.kept)
  return JSON.stringify({ format: 'quorate-seed/v1', userId, sealed }) + '\n'
}

/** SECRET. */
export const writeSeed = (userId: string, seed: Uint8Array): string =>
  JSON.stringify({ format: 'quorate-seed/v1', userId, seed: toHex(seed) } satisfies Record<keyof PlainSeed, string>)

/** Whose seed is in a file whose name does not say it; null when it is damaged. */
async function ownerOf(file: string): Promise<string | null> {
  return parse(SeedFile, (await readIfThere(file)) ?? '')?.userId ?? null
}

/** Null when there is none. Releases before wrote the 32 bytes alone, in hex. */
async function readSeed(file: string, userId: string, { toOpen }: Passphrases): Promise<Uint8Array | null> {
  const text = await readIfThere(file)
  if (text === null) return null
  if (/^[0-9a-f]{64}\s*$/.test(text)) return fromHex(text.trim())
  const kept = parse(SeedFile, text)
  if (kept === null || kept.userId !== userId) throw damaged(file, userId)
  if ('seed' in kept) return fromHex(kept.seed)
  const what = `the seed of ${userId}`
  const plain = parse(PlainSeed, await unlock(kept.sealed, await toOpen(what), what))
  if (plain?.userId !== userId) throw damaged(file, userId)
  return fromHex(plain.seed)
}

const damaged = (file: string, userId: string): UsageError =>
  new UsageError(
    `${file} is not a seed of ${userId}: move it away, and bring a backup back by \`quorate seed restore\``,
  )

/** Null for what is of another form. */
export function parse<T>(schema: z.ZodMiniType<T>, text: string): T | null {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return null
  }
}
