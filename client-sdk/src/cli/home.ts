import { join } from 'node:path'
import * as z from 'zod/mini'
import { digestOf } from '@quorate/shared/crypto/sign'
import { CompressedKey, Digest, UserId } from '@quorate/shared/wire/ids'
import { Invitation } from '@quorate/shared/wire/keygen'
import type { BookName } from '../bunker/known-books.ts'
import { QuorateError, refuse } from '../errors.ts'
import { exportKey, importKey, type Key } from '../key.ts'
import { GrantTerms } from '../keygen/grant.ts'
import { fileOf, folder, list, readIfThere, write } from './files.ts'
import { historyIn, type History } from './history.ts'
import { namesIn, type Names } from './names.ts'
import type { Passphrases } from './passphrase.ts'
import { seedsIn, type Seeds } from './seeds.ts'
import { trustIn, type Trusting } from './trust-file.ts'
import { UsageError } from './usage.ts'

/**
 * What this machine keeps: a seed per participant, the keys that were completed here, and the own invitation to each key in the
 * making, so that an interrupted command can go on. All of it is secret: folders 0700, files 0600.
 */
export type Home = Seeds & Names & History & Trusting & OfKeys

/** A file that is there and cannot be used. */
export type Unreadable = Readonly<{ keyId: string; why: string }>

type OfKeys = Readonly<{
  path: string
  /** Gives the file. A newer epoch that is kept already stays. Throws `keygen.roster_mismatch` when another key of this id is kept. */
  saveKey: (key: Key) => Promise<string>
  keys: () => Promise<string[]>
  /** All that can be read, and why the others cannot. */
  readKeys: () => Promise<Readonly<{ keys: Key[]; unreadable: Unreadable[] }>>
  /** A key by its id, or by the beginning of it, or by its name. */
  key: (id: string) => Promise<Key>
  /** The one id of a key, kept or in the making, that begins so; null for none. */
  idOf: (beginning: string) => Promise<string | null>
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
  grant: z.nullable(GrantTerms),
  sharesPerEnclave: z.optional(z.int().check(z.minimum(1))),
  /** Who is let have known all of the key. */
  dealtBy: z.optional(UserId),
  /** Of the own key that was brought. The key itself is not kept here. */
  ownPublicKey: z.optional(CompressedKey),
})
export type Joining = z.infer<typeof Joining>

const Kept = z.strictObject({ serial: z.int().check(z.minimum(1)), digest: Digest })

export const openHome = (path: string, passphrases: Passphrases): Home => ({
  path,
  ...seedsIn(path, passphrases),
  ...namesIn(path),
  ...historyIn(path),
  ...trustIn(path),
  ...keysIn(path),
  ...joiningsIn(path),
  ...booksIn(path),
  async idOf(beginning) {
    const { [beginning]: named } = await namesIn(path).names()
    if (named !== undefined) return named
    const made = await list(path, 'keys', '.json')
    return theOne(beginning, [...made, ...(await joinedIn(path))])
  },
})

/** The ids of keys that somebody here has joined. */
const joinedIn = async (path: string): Promise<string[]> =>
  (await list(path, 'joining', '.json')).map((file) => file.slice(0, file.indexOf('.')))

/** The only one of the ids that begins so; null for none. Throws `UsageError` for several. */
function theOne(beginning: string, ids: readonly string[]): string | null {
  const [id = null, ...others] = new Set(ids.filter((one) => one.startsWith(beginning)))
  if (others.length > 0) throw new UsageError(`${beginning} is the beginning of several keys: give more of it`)
  return id
}

/** Why there is no such key here, and what to do. '' begins every id. */
export async function whyMissing(path: string, id: string): Promise<string> {
  const [joined] = (await joinedIn(path)).filter((one) => one.startsWith(id))
  if (joined !== undefined)
    return `key ${joined} is not kept in ${path} yet: \`quorate status ${joined.slice(0, 8)}\` fetches it once all have registered`
  return id === ''
    ? `no keys in ${path}: \`quorate participate\` makes you part of one`
    : `no key ${id} in ${path}: \`quorate key\` lists the keys that are here`
}

const rosterOf = ({ certificate }: Key): string => digestOf('roster', certificate.body.roster)

function keysIn(path: string) {
  const keys = () => list(path, 'keys', '.json')
  const fileFor = async (keyId: string) => join(await folder(path, 'keys'), `${encodeURIComponent(keyId)}.json`)
  const keyIfKept = async (keyId: string) => {
    const file = await fileFor(keyId)
    const kept = await readIfThere(file)
    return kept === null ? null : keyIn(file, kept)
  }
  return {
    keys,
    keyIfKept,
    async readKeys() {
      const read: { keys: Key[]; unreadable: Unreadable[] } = { keys: [], unreadable: [] }
      for (const keyId of await keys())
        try {
          const key = await keyIfKept(keyId)
          if (key !== null) read.keys.push(key)
        } catch (error) {
          read.unreadable.push({ keyId, why: error instanceof Error ? error.message : 'it is damaged' })
        }
      return read
    },
    async saveKey(key: Key) {
      const kept = await keyIfKept(key.keyId)
      if (kept !== null && rosterOf(kept) !== rosterOf(key)) return refuse('keygen.roster_mismatch')
      const file = await fileFor(key.keyId)
      const isNewer = kept !== null && kept.certificate.body.epoch > key.certificate.body.epoch
      return isNewer ? file : write(file, exportKey(key) + '\n')
    },
    async key(id: string) {
      const { [id]: named } = await namesIn(path).names()
      const keyId = named ?? theOne(id, await keys())
      if (keyId === null) throw new UsageError(await whyMissing(path, id))
      const key = await keyIfKept(keyId)
      if (key === null) throw new UsageError(`key ${keyId} is not in ${path} any more`)
      return key
    },
  }
}

/** What a participant keeps of a key. */
async function fileOfBoth(path: string, kind: string, keyId: string, userId: string): Promise<string> {
  const all = await folder(path, kind)
  return fileOf(userId, (name) => join(all, `${encodeURIComponent(keyId)}.${name}.json`))
}

function joiningsIn(path: string) {
  const fileFor = (keyId: string, userId: string) => fileOfBoth(path, 'joining', keyId, userId)
  return {
    async saveJoining(joining: Joining) {
      const { keyId, userId } = joining.invitation
      await write(await fileFor(keyId, userId), JSON.stringify(joining) + '\n')
    },
    async joining(keyId: string, userId: string) {
      const file = await fileFor(keyId, userId)
      const known = await readIfThere(file)
      return known === null ? null : joiningIn(file, known)
    },
  }
}

function booksIn(path: string) {
  const fileFor = (keyId: string, userId: string) => fileOfBoth(path, 'books', keyId, userId)
  return {
    async saveBook(keyId: string, userId: string, book: BookName) {
      await write(await fileFor(keyId, userId), JSON.stringify(book) + '\n')
    },
    async book(keyId: string, userId: string) {
      const file = await fileFor(keyId, userId)
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
