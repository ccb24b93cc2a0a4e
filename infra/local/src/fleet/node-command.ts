import type { Command } from './child.ts'
import { entry } from './entry.ts'

type NodeCommand = Readonly<
  Pick<Command, 'name' | 'args' | 'log' | 'probe'> & { env?: Readonly<Record<string, string>> }
>

/** A child of the very Node that runs here, which ends when the supervisor does. */
export function nodeCommand({ args, env = {}, ...command }: NodeCommand): Command {
  const leash = entry('infra/local', 'fleet/leash').at(-1) ?? ''
  return { ...command, executable: process.execPath, args: ['--import', leash, ...args], env, leash: true }
}
