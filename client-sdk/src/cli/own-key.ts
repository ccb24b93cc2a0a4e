import type { Command } from 'commander'
import { makesBy, schemeNames } from '@quorate/shared/schemes/table'
import { readSecret } from './secret.ts'
import type { World } from './session.ts'

/** Where the key is that a participant brings into one to which each contributes its own. */
export type OwnKeyOptions = Readonly<{ secret?: string; password?: string }>

/** The schemes that take one. */
export const contributing = schemeNames.filter((scheme) => makesBy(scheme, 'contribute')).join(', ')

export const addOwnKey = (command: Command): Command =>
  command
    .option(
      '--secret <file>',
      `bring this key of my own (${contributing}): nsec, ncryptsec, or 32 bytes in hex; - for standard input`,
    )
    .option('--password <file>', 'the password of an ncryptsec; - for standard input')

/** Lends the own key to `use`, and wipes it. Nothing where no key is brought: the enclave draws one. */
export async function withOwnKey<T>(
  { secret, password }: OwnKeyOptions,
  { stdin }: Pick<World, 'stdin'>,
  use: (ownKey: Uint8Array | undefined) => Promise<T>,
): Promise<T> {
  const ownKey = secret === undefined ? undefined : await readSecret(secret, password, stdin)
  try {
    return await use(ownKey)
  } finally {
    ownKey?.fill(0)
  }
}
