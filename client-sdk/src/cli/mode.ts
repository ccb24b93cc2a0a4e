import type { Command } from 'commander'
import { Mode } from '@quorate/shared/wire/mode'
import { field } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ModeOptions = Readonly<{
  untweaked?: boolean
  taproot?: string | boolean
  tweak?: string
  xonlyTweak?: string
}>

export const addModeOptions = (command: Command): Command =>
  command
    .option('--taproot [merkle-root]', 'under the Taproot output key (BIP-341) instead of the group key')
    .option('--tweak <scalar>', 'under the group key with this plain tweak (BIP-327), 32 bytes in hex')
    .option('--xonly-tweak <scalar>', 'the same, with an x-only tweak')

/** The mode that one of the options names, if one does. Throws `UsageError` for two of them, and for what no key has. */
export function readMode({ untweaked = false, taproot = false, tweak, xonlyTweak }: ModeOptions): Mode | undefined {
  const named: unknown[] = [
    ...(untweaked ? [{ kind: 'plain' }] : []),
    ...(taproot === false ? [] : [{ kind: 'taproot', merkleRoot: taproot === true ? '' : taproot }]),
    ...(tweak === undefined ? [] : [{ kind: 'tweak', xonly: false, tweak }]),
    ...(xonlyTweak === undefined ? [] : [{ kind: 'tweak', xonly: true, tweak: xonlyTweak }]),
  ]
  if (named.length === 0) return undefined
  if (named.length > 1) throw new UsageError('one key signs: give only one of the options that name a tweak, or none')
  const mode = Mode.safeParse(named[0])
  if (mode.success) return mode.data
  if (taproot !== false) throw new UsageError('--taproot takes a merkle root: 32 bytes in hex, or nothing')
  throw new UsageError('--tweak and --xonly-tweak take 32 bytes in hex, from 1 to the order of secp256k1 less 1')
}

/** Which key signs, if it is not the group key. */
export function describeMode(mode: Mode): string[] {
  switch (mode.kind) {
    case 'plain':
      return []
    case 'taproot':
      return [field('key', `Taproot output key, merkle root ${mode.merkleRoot || 'none'}`)]
    case 'tweak':
      return [field('key', `the group key with the ${mode.xonly ? 'x-only' : 'plain'} tweak ${mode.tweak}`)]
  }
}
