import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { fromHex } from '@quorate/shared/wire/bytes'
import { UserId } from '@quorate/shared/wire/ids'
import { readBytes } from '../content.ts'
import { writeNew } from '../files.ts'
import { isLocked, lock, newPassphrase, passphrasesFor, unlock, workFactors } from '../passphrase.ts'
import { parse, PlainSeed, writeSeed } from '../seeds.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { UsageError } from '../usage.ts'
import { seedOf, wordsOf } from '../words.ts'

type Backup = Readonly<{ words?: boolean; out?: string; passphrase?: string }>
type Restore = Readonly<{ words?: boolean; passphrase?: string }>

/** `quorate seed`: what a participant must keep, and how. */
export function addSeed(program: Command, world: World): void {
  const seed = program
    .command('seed')
    .description('keep the seed of a participant: under a passphrase, as a backup, as words')
    .addHelpText(
      'after',
      '\nWho has a seed approves as this participant. Keys are kept apart from it: `quorate key export`.\n' +
        '\nExamples:\n  quorate seed protect --as alice\n  quorate seed backup --out alice.seed.age --as alice\n' +
        '  quorate seed backup --words --as alice\n  quorate seed restore alice.seed.age',
    )
  addProtect(seed, world)
  addBackup(seed, world)
  addRestore(seed, world)
}

function addProtect(seed: Command, world: World): void {
  seed
    .command('protect')
    .description('put the seed under a passphrase, or under another one')
    .option('--passphrase <file>', 'the new passphrase stands in the first line of this file')
    .addHelpText('after', '\nExample:\n  quorate seed protect --as alice')
    .action(async ({ passphrase: file }: Restore, command: Command) => {
      const session = openSession(command, world)
      const { terminal, home } = session
      const userId = await session.userId()
      const seed = await home.seed(userId)
      const passphrase = await newPassphrase(session, file, `the seed of ${userId}`)
      const kept = await home.keepSeed(userId, seed, passphrase)
      terminal.result({ event: 'protected', userId, file: kept, isLocked: passphrase !== null }, [
        good(`the seed of ${userId} is kept ${passphrase === null ? 'in clear' : 'under the passphrase'}`),
        field('kept in', kept),
      ])
    })
}

function addBackup(seed: Command, world: World): void {
  seed
    .command('backup')
    .description('write the seed down elsewhere: as a file under a passphrase, or as 24 words')
    .option('--out <file>', 'an age file under a passphrase, which `age --decrypt` opens too')
    .option('--words', 'print 24 words of BIP-39, to be written on paper: whoever reads them has the seed')
    .option('--passphrase <file>', 'the passphrase of the backup stands in the first line of this file')
    .addHelpText('after', '\nExamples:\n  quorate seed backup --out alice.seed.age\n  quorate seed backup --words')
    .action(async ({ words, out, passphrase: file }: Backup, command: Command) => {
      const session = openSession(command, world)
      const { terminal, home } = session
      if ((out === undefined) === (words !== true)) throw new UsageError('as what? Give --out FILE, or --words')
      const userId = await session.userId()
      const seed = await home.seed(userId)
      if (out === undefined) {
        terminal.progress(`the seed of ${userId}: whoever reads these words approves as ${userId}`)
        terminal.result({ event: 'words', userId, words: wordsOf(seed) }, [wordsOf(seed)])
        return
      }
      const passphrase = await newPassphrase(session, file, `the backup ${out}`)
      if (passphrase === null)
        throw new UsageError('a backup is kept under a passphrase: name one with --passphrase FILE')
      const locked = await lock(writeSeed(userId, seed), passphrase, workFactors.backup)
      await writeNew(out, locked)
      terminal.result({ event: 'backed_up', userId, file: out }, [good(`the seed of ${userId} is in ${out} too`)])
    })
}

function addRestore(seed: Command, world: World): void {
  seed
    .command('restore')
    .argument('[file]', 'what `quorate seed backup` wrote, or a kept seed; - for standard input')
    .description('bring a seed back from a backup, or from its words')
    .option('--words', 'read 24 words from standard input; --as says whose seed they are')
    .option('--passphrase <file>', 'the passphrase of the backup stands in the first line of this file')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate seed restore alice.seed.age\n  quorate seed restore --words --as alice',
    )
    .action(async (file: string | undefined, options: Restore, command: Command) => {
      const session = openSession(command, world)
      const { terminal, home, passphrases } = session
      if ((file === undefined) === (options.words !== true)) throw new UsageError('from what? Give a FILE, or --words')
      const { userId, seed } =
        file === undefined ? await fromWords(session, world) : await fromFile(session, file, options.passphrase)
      const kept = await home.keepSeed(userId, seed, await passphrases.toKeep(`the seed of ${userId}`))
      terminal.result({ event: 'restored', userId, file: kept }, [
        good(`the seed of ${userId} is here again`),
        field('kept in', kept),
      ])
    })
}

async function fromWords(session: Session, { stdin }: World) {
  const userId = await session.userId()
  const words = (await session.terminal.askSecret('The 24 words: ')) ?? (await readAll(stdin))
  return { userId, seed: seedOf(words) }
}

async function fromFile(session: Session, file: string, passphraseFile: string | undefined) {
  const text = (await readBytes(file)).toString()
  const plain = isLocked(text)
    ? await unlock(text, await passphrasesFor(session, passphraseFile).toOpen(file), file)
    : text
  const read = parse(PlainSeed, plain)
  if (read === null) throw new UsageError(`${file} is not a seed: \`quorate seed backup --out FILE\` writes one`)
  const { said } = session
  if (said !== undefined && said !== read.userId)
    throw new UsageError(`${file} is the seed of ${read.userId}, not of ${said}`)
  return { userId: UserId.parse(read.userId), seed: fromHex(read.seed) }
}
