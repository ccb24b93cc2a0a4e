import { armor, Decrypter, Encrypter } from 'age-encryption'
import { readFile } from 'node:fs/promises'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage.ts'

/** Where passphrases come from. */
export type Passphrases = Readonly<{
  /** Opens what is kept as `what` says. */
  toOpen: (what: string) => Promise<string>
  /** Keeps something new; null to keep it in clear, as who acts has said. */
  toKeep: (what: string) => Promise<string | null>
}>

const variable = 'QUORATE_PASSPHRASE_FILE'

/** Of a variable that names no file: keep what is new in clear. */
const inClear = 'none'

/** `file`: as the environment names it. Without it a person is asked. */
export function passphrasesOf(terminal: Terminal, file: string | undefined): Passphrases {
  const isNamed = file !== undefined && file !== inClear
  const askFor = async (question: string, otherwise: string): Promise<string> => {
    const typed = await terminal.askSecret(question)
    if (typed === null) throw new UsageError(otherwise)
    return typed
  }
  return {
    async toOpen(what) {
      if (isNamed) return readPassphrase(file)
      return askFor(`Passphrase of ${what}: `, `${what} is under a passphrase: set ${variable} to a file that has it`)
    },
    async toKeep(what) {
      if (isNamed) return readPassphrase(file)
      if (file === inClear) return null
      const nobody = `${what} is kept under a passphrase: set ${variable} to a file that has one, or to ${inClear} to keep it in clear`
      const first = await askFor(`A new passphrase for ${what} (empty: keep it in clear): `, nobody)
      if (first === '') return null
      if ((await askFor('The same again: ', nobody)) !== first) throw new UsageError('these are two passphrases')
      return first
    },
  }
}

type Asked = Readonly<{ terminal: Terminal; passphrases: Passphrases }>

/** Those of the run, unless an option names a file of its own. */
export const passphrasesFor = ({ terminal, passphrases }: Asked, file: string | undefined): Passphrases =>
  file === undefined ? passphrases : passphrasesOf(terminal, file)

export const newPassphrase = (asked: Asked, file: string | undefined, what: string): Promise<string | null> =>
  passphrasesFor(asked, file).toKeep(what)

/** The first line of a file. */
export async function readPassphrase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) throw new UsageError(`${file} cannot be read: it is to have a passphrase`)
  const [passphrase = ''] = text.split(/\r?\n/)
  if (passphrase === '') throw new UsageError(`${file} has no passphrase in its first line`)
  return passphrase
}

/** log₂ of scrypt's cost: what every command pays, and what a backup, which is opened once and lies about, costs whoever guesses. */
export const workFactors = { kept: 17, backup: 18 } as const

/** An age file in armour, which `age --decrypt` opens too. */
export async function lock(text: string, passphrase: string, workFactor: number): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(workFactor)
  return armor.encode(await encrypter.encrypt(text))
}

export const isLocked = (text: string): boolean => text.trimStart().startsWith('-----BEGIN AGE ENCRYPTED FILE-----')

/** Throws `UsageError`, which names `what`, for another passphrase and for what is damaged. */
export async function unlock(text: string, passphrase: string, what: string): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  try {
    return await decrypter.decrypt(armor.decode(text), 'text')
  } catch {
    throw new UsageError(`${what} does not open with this passphrase, or is damaged`)
  }
}
