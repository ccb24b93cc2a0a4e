import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { digestOf } from '@quorate/shared/crypto/sign'
import { CompressedKey, Digest, UserId } from '@quorate/shared/wire/ids'
import { Invitation } from '@quorate/shared/wire/keygen'
import type { BookName } from '../bunker/known-books.ts'
import { QuorateError, refuse } from '../errors.ts'
import { exportKey, importKey, type Key } from '../key.ts'
import { GrantTerms } from '../keygen/grant.ts'
import { UsageError } from './usage.ts'

/**
 * What this machine keeps: a seed per participant, the keys that were completed here, and the own invitation to each key in the
 * making, so that an interrupted command can go on. All of it is secret: folders 0700, files 0600.
 */
export type Home = Readonly<{
  path: string
  /** The seed of a participant who has taken part here before. */
  seed: (userId: string) => Promise<Uint8Array>
  /** The same, drawn when there is none: for who takes part in a first key. */
  seedOrNew: (userId: string) => Promise<Uint8Array>
  participants: () => Promise<string[]>
  /** Gives the file. A newer epoch that is kept already stays. Throws `keygen.roster_mismatch` when another key of this id is kept. */
  saveKey: (key: Key) => Promise<string>
  keys: () => Promise<string[]>
  /** A key by its id, or by the beginning of it. */
  key: (id: string) => Promise<Key>
  /** The key of exactly this id. */
  keyIfKept: (keyId: string) => Promise<Key | null>
  saveJoining: (joining: Joining) => Promise<void>
  joining: (keyId: string, userId: string) => Promise<Joining | null>
  /** The newest book of this participant in the bunker of a key: what is older is not taken from a gateway. */
  saveBook: (keyId: string, userId: string, book: BookName) => Promise<void>
  book: (keyId: string, userId: string) => Promise<BookName | null>
}>

/** With what a participant joined a key in the making: enough to go on after an interruption. SECRET. */
const Joining = z.strictObject({
  invitation: Invitation,
  grant: GrantTerms.nullable(),
  sharesPerEnclave: z.int().min(1).optional(),
  /** Who is let have known all of the key. */
  dealtBy: UserId.optional(),
  /** Of the own key that was brought. The key itself is not kept here. */
  ownPublicKey: CompressedKey.optional(),
})
export type Joining = z.infer<typeof Joining>

const Kept = z.strictObject({ serial: z.int().min(1), digest: Digest })

const name = (userId: string): string => encodeURIComponent(userId)

export const openHome = (path: string): Home => ({
  path,
  ...seedsIn(path),
  ...keysIn(path),
  ...joiningsIn(path),
  ...booksIn(path),
})

async function folder(path: string, kind: string): Promise<string> {
  await mkdir(join(path, kind), { recursive: true, mode: 0o700 })
  return join(path, kind)
}

async function list(path: string, kind: string, ending: string): Promise<string[]> {
  const files = await readdir(await folder(path, kind))
  return files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length))
}

/** Whole or not at all: a power cut must not leave half a key. */
async function write(file: string, content: string): Promise<string> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.tmp`
  await writeFile(draft, content, { mode: 0o600, flush: true })
  await rename(draft, file)
  return file
}

async function readSeed(file: string): Promise<Uint8Array | null> {
  const known = await readIfThere(file)
  if (known === null) return null
  if (!/^[0-9a-f]{64}\s*$/.test(known)) throw new UsageError(`${file} is not a seed: 32 bytes in hex are expected`)
  return new Uint8Array(Buffer.from(known.trim(), 'hex'))
}

function seedsIn(path: string) {
  const participants = async () => (await list(path, 'seeds', '.seed')).map(decodeURIComponent)
  const seedFile = async (userId: string) => join(await folder(path, 'seeds'), `${name(userId)}.seed`)
  return {
    participants,
    async seed(userId: string) {
      const known = await readSeed(await seedFile(userId))
      if (known !== null) return known
      const here = (await participants()).join(', ') || 'nobody'
      throw new UsageError(`${userId} has no seed in ${path}: ${here} can be named with --as`)
    },
    async seedOrNew(userId: string) {
      const file = await seedFile(userId)
      const known = await readSeed(file)
      if (known !== null) return known
      const seed = randomBytes(32)
      await writeFile(file, seed.toString('hex') + '\n', { mode: 0o600, flag: 'wx', flush: true })
      return new Uint8Array(seed)
    },
  }
}

const rosterOf = ({ certificate }: Key): string => digestOf('roster', certificate.body.roster)

function keysIn(path: string) {
  const keys = () => list(path, 'keys', '.json')
  const fileOf = async (keyId: string) => join(await folder(path, 'keys'), `${name(keyId)}.json`)
  const keyIfKept = async (keyId: string) => {
    const file = await fileOf(keyId)
    const kept = await readIfThere(file)
    return kept === null ? null : keyIn(file, kept)
  }
  return {
    keys,
    keyIfKept,
    async saveKey(key: Key) {
      const kept = await keyIfKept(key.keyId)
      if (kept !== null && rosterOf(kept) !== rosterOf(key)) return refuse('keygen.roster_mismatch')
      const file = await fileOf(key.keyId)
      const isNewer = kept !== null && kept.certificate.body.epoch > key.certificate.body.epoch
      return isNewer ? file : write(file, exportKey(key) + '\n')
    },
    async key(id: string) {
      const matches = (await keys()).filter((keyId) => keyId.startsWith(id))
      const [keyId] = matches
      if (keyId === undefined)
        throw new UsageError(`no key ${id} in ${path}: \`quorate key\` lists the keys that are here`)
      if (matches.length > 1) throw new UsageError(`${id} is the beginning of several keys: give more of it`)
      const key = await keyIfKept(keyId)
      if (key === null) throw new UsageError(`key ${keyId} is not in ${path} any more`)
      return key
    },
  }
}

function joiningsIn(path: string) {
  const fileOf = async (keyId: string, userId: string) =>
    join(await folder(path, 'joining'), `${name(keyId)}.${name(userId)}.json`)
  return {
    async saveJoining(joining: Joining) {
      const { keyId, userId } = joining.invitation
      await write(await fileOf(keyId, userId), JSON.stringify(joining) + '\n')
    },
    async joining(keyId: string, userId: string) {
      const file = await fileOf(keyId, userId)
      const known = await readIfThere(file)
      return known === null ? null : joiningIn(file, known)
    },
  }
}

function booksIn(path: string) {
  const fileOf = async (keyId: string, userId: string) =>
    join(await folder(path, 'books'), `${name(keyId)}.${name(userId)}.json`)
  return {
    async saveBook(keyId: string, userId: string, book: BookName) {
      await write(await fileOf(keyId, userId), JSON.stringify(book) + '\n')
    },
    async book(keyId: string, userId: string) {
      const file = await fileOf(keyId, userId)
      const known = await readIfThere(file)
      return known === null ? null : bookIn(file, known)
    },
  }
}

function bookIn(file: string, text: string): BookName {
  try {
    return Kept.parse(JSON.parse(text))
  } catch {
    throw new UsageError(`${file} is damaged: remove it, and look whether all grants are as they should be`)
  }
}

async function keyIn(file: string, text: string): Promise<Key> {
  try {
    return await importKey(text)
  } catch (error) {
    if (error instanceof QuorateError && error.code === 'key.invalid') throw new UsageError(`${file} is not a kept key`)
    throw error
  }
}

function joiningIn(file: string, text: string): Joining {
  try {
    return Joining.parse(JSON.parse(text))
  } catch {
    throw new UsageError(`${file} is damaged: remove it, and take part again with the invitation`)
  }
}

/** Null when there is no such file. From then on it is for its owner alone, whoever wrote it. */
async function readIfThere(file: string): Promise<string | null> {
  try {
    const text = await readFile(file, 'utf8')
    await chmod(file, 0o600)
    return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
