import type { Command } from 'commander'
import { Mode } from '@quorate/shared/wire/mode'
import { field } from './terminal.ts'
import { UsageError } from './usage.ts'

export type ModeOptions = Readonly<{
  untweaked?: boolean
  taproot?: string | boolean
  tweak?: string
  xonlyTweak?: string
  child?: string
}>

export const addModeOptions = (command: Command): Command =>
  command
    .option('--taproot [merkle-root]', 'under the Taproot output key (BIP-341) instead of the group key')
    .option('--tweak <scalar>', 'under the group key with this plain tweak (BIP-327), 32 bytes in hex')
    .option('--xonly-tweak <scalar>', 'the same, with an x-only tweak')
    .option('--child <path>', 'under the child of its xpub (BIP-328), such as 0/5; with --taproot, its output key')

/** The mode that one of the options names, if one does. Throws `UsageError` for two of them, and for what no key has. */
export function readMode(options: ModeOptions): Mode | undefined {
  const { untweaked = false, taproot = false, tweak, xonlyTweak, child } = options
  const merkleRoot = taproot === true ? '' : taproot
  const named: unknown[] = [
    ...(untweaked ? [{ kind: 'plain' }] : []),
    ...(child === undefined
      ? []
      : [{ kind: 'child', path: readPath(child), merkleRoot: merkleRoot === false ? null : merkleRoot }]),
    ...(merkleRoot === false || child !== undefined ? [] : [{ kind: 'taproot', merkleRoot }]),
    ...(tweak === undefined ? [] : [{ kind: 'tweak', xonly: false, tweak }]),
    ...(xonlyTweak === undefined ? [] : [{ kind: 'tweak', xonly: true, tweak: xonlyTweak }]),
  ]
  if (named.length === 0) return undefined
  if (named.length > 1) throw new UsageError('one key signs: give only one of the options that name a tweak, or none')
  const mode = Mode.safeParse(named[0])
  if (mode.success) return mode.data
  if (child !== undefined && taproot === false)
    throw new UsageError('--child takes 1 to 8 steps, each below 2147483648')
  if (taproot !== false) throw new UsageError('--taproot takes a merkle root: 32 bytes in hex, or nothing')
  throw new UsageError('--tweak and --xonly-tweak take 32 bytes in hex, from 1 to the order of secp256k1 less 1')
}

/** Throws `UsageError` for what is no path of steps that need no secret. */
function readPath(text: string): number[] {
  if (!/^(m\/)?[0-9]{1,10}(\/[0-9]{1,10})*$/.test(text))
    throw new UsageError('--child takes a path of BIP-32 without hardened steps, such as 0/5')
  return text.replace('m/', '').split('/').map(Number)
}

const describeOutput = (merkleRoot: string): string => `Taproot output key, merkle root ${merkleRoot || 'none'}`

/** Which key signs, if it is not the group key. */
export function describeMode(mode: Mode): string[] {
  switch (mode.kind) {
    case 'plain':
      return []
    case 'taproot':
      return [field('key', describeOutput(mode.merkleRoot))]
    case 'tweak':
      return [field('key', `the group key with the ${mode.xonly ? 'x-only' : 'plain'} tweak ${mode.tweak}`)]
    case 'child': {
      const child = `child ${mode.path.join('/')} of the extended public key`
      return [field('key', mode.merkleRoot === null ? child : `${child}: ${describeOutput(mode.merkleRoot)}`)]
    }
  }
}
