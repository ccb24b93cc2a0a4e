import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { makeStorageKey, readStorageKey } from '../storage-key.ts'
import { makeDatabase } from '../store/make-database.ts'
import { rotateKey } from '../store/rotate-key.ts'
import { filesFor, type World } from './world.ts'

export function addInit(program: Command, world: World): void {
  program
    .command('init')
    .description('make the database of a new gateway, and its storage key when there is none')
    .action(async (_options: unknown, command: Command) => {
      const { database, storageKeyFile, storageKey } = filesFor(command, world)
      if (existsSync(database)) throw new Error(`${database}: is there already; \`init\` is for a new gateway`)
      const drawn = !existsSync(storageKeyFile)
      const key = drawn ? await makeStorageKey(storageKeyFile) : storageKey()
      if (drawn) world.say(`${storageKeyFile}: a new storage key. Back it up: without it the database does not open`)
      await makeDatabase(database, key)
      world.say(`${database}: a new database`)
    })
}

export function addRotateKey(program: Command, world: World): void {
  program
    .command('rotate-key <file>')
    .description(
      'seal every row under the storage key in this file, drawn when there is none; the gateway must not run',
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const { database, storageKeyFile, storageKey } = filesFor(command, world)
      const from = storageKey()
      const to = existsSync(file) ? readStorageKey(file, 'rotate-key') : await makeStorageKey(file)
      const rows = rotateKey({ path: database, from, to })
      world.say(
        rows === 0 ? `${database}: opens under ${file} already` : `${database}: ${rows} rows sealed under ${file}`,
      )
      world.say(`start the gateway with ${file}; backups of before still want ${storageKeyFile}`)
    })
}
