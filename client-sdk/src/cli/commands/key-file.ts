import type { Command } from 'commander'
import { exportKey, importKey } from '../../key.ts'
import { readBytes } from '../content.ts'
import { writeNew } from '../files.ts'
import { isLocked, lock, newPassphrase, passphrasesFor, unlock, workFactors } from '../passphrase.ts'
import { openSession, type World } from '../session.ts'
import { field, good } from '../terminal.ts'
import { UsageError } from '../usage.ts'

type Options = Readonly<{ passphrase?: string; out?: string }>

/** `quorate key rename`: what a key is called on this machine. */
export function addRename(key: Command, world: World): void {
  key
    .command('rename')
    .argument('<key>', 'the key id, or its beginning, or its name')
    .argument('[name]', 'what it is called from now on; nothing takes its name away')
    .description('call a key by a name on this machine, wherever its id is wanted')
    .addHelpText('after', '\nExample:\n  quorate key rename 3f2a treasury')
    .action(async (id: string, name: string | undefined, _: unknown, command: Command) => {
      const { home, terminal } = openSession(command, world)
      const { keyId } = await home.key(id)
      await home.rename(keyId, name ?? null)
      terminal.result({ event: 'renamed', keyId, name: name ?? null }, [
        good(name === undefined ? `key ${keyId} has no name` : `key ${keyId} is called ${name} here`),
      ])
    })
}

/** `quorate key export`: a key for another machine of the same person. */
export function addExport(key: Command, world: World): void {
  key
    .command('export')
    .argument('<key>', 'the key id, or its beginning, or its name')
    .description('write a key, with the secret that reads its messages, into a file under a passphrase')
    .requiredOption('--out <file>', 'an age file, which `age --decrypt` opens too')
    .option('--passphrase <file>', 'the passphrase stands in the first line of this file')
    .addHelpText(
      'after',
      '\nThe file signs nothing by itself: for that it takes a seed too, see `quorate seed backup`.\n' +
        '\nExample:\n  quorate key export 3f2a --out treasury.key.age',
    )
    .action(async (id: string, { passphrase: file, out = '' }: Options, command: Command) => {
      const session = openSession(command, world)
      const kept = await session.home.key(id)
      const passphrase = await newPassphrase(session, file, `the key in ${out}`)
      if (passphrase === null)
        throw new UsageError('a key is written under a passphrase: name one with --passphrase FILE')
      await writeNew(out, await lock(exportKey(kept), passphrase, workFactors.backup))
      session.terminal.result({ event: 'exported', keyId: kept.keyId, file: out }, [
        good(`key ${kept.keyId} is in ${out} too`),
      ])
    })
}

/** `quorate key import`: the inverse. */
export function addKeyImport(key: Command, world: World): void {
  key
    .command('import')
    .argument('<file>', 'what `quorate key export`, or `exportKey` of the SDK, wrote; - for standard input')
    .description('keep a key of another machine here, once its certificate verifies')
    .option('--passphrase <file>', 'the passphrase stands in the first line of this file')
    .addHelpText('after', '\nExample:\n  quorate key import treasury.key.age')
    .action(async (file: string, { passphrase }: Options, command: Command) => {
      const session = openSession(command, world)
      const { home, terminal } = session
      const text = (await readBytes(file)).toString()
      const plain = isLocked(text)
        ? await unlock(text, await passphrasesFor(session, passphrase).toOpen(file), file)
        : text
      const kept = await importKey(plain)
      const place = await home.saveKey(kept)
      terminal.result({ event: 'imported', keyId: kept.keyId, groupKey: kept.groupKey, file: place }, [
        good(`key ${kept.keyId}: its certificate verifies`),
        field('public key', kept.groupKey),
        field('participants', kept.participants.join(', ')),
        field('kept in', place),
      ])
    })
}
