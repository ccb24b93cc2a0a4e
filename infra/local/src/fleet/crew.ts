import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepRunning, signalGroup, type Child, type Command } from './child.ts'
import { FleetError, type OnFleetEvent } from './events.ts'

const graceOfGateway = 3_000
const graceOfOthers = 1_000
/** So many deaths in a row are no accident. */
const tooOften = 4
const betweenChecks = 20

/** The processes of a fleet, by name. */
export type Crew = Readonly<{
  names: readonly string[]
  pidOf: (name: string) => number | undefined
  signal: (name: string, signal: NodeJS.Signals) => void
  /** Kills it, and leaves it dead until it is restored. */
  lose: (name: string) => void
  restore: (name: string) => void
  /** Resolves when all of these do their work. Throws a `FleetError` with the end of the log of one that cannot. */
  start: (commands: readonly Command[]) => Promise<void>
  /** Throws a `FleetError` when one of them dies again and again, or when they have been stopped. */
  check: () => void
  stop: () => Promise<void>
}>

type Members = Map<string, Readonly<{ child: Child; log: string }>>

function childOf(members: Members, name: string): Child {
  const member = members.get(name)
  if (member === undefined) throw new FleetError(`there is no ${name}: ${[...members.keys()].join(', ')}`)
  return member.child
}

async function untilReady(child: Child, check: () => void): Promise<void> {
  while (!(await child.ready())) {
    check()
    await sleep(betweenChecks)
  }
}

export function createCrew(onEvent: OnFleetEvent): Crew {
  const members: Members = new Map()
  const names: string[] = []
  let stopped = false

  const check = () => {
    if (stopped) throw new FleetError('stopped before it was ready')
    const failing = [...members.values()].find(({ child }) => child.deaths() >= tooOften)
    if (failing) throw new FleetError(`${failing.child.name} ends whenever it is started:\n${endOf(failing.log)}`)
  }
  const begin = (command: Command): Child => {
    const child = keepRunning(command, onEvent)
    names.push(command.name)
    members.set(command.name, { child, log: command.log })
    return child
  }
  // Whatever ends this process: nothing that it started stays.
  const atExit = () => {
    for (const { child } of members.values()) signalGroup(child.pid(), 'SIGKILL')
  }
  process.once('exit', atExit)

  return {
    names,
    pidOf: (name) => childOf(members, name).pid(),
    signal: (name, signal) => childOf(members, name).signal(signal),
    lose: (name) => childOf(members, name).lose(),
    restore: (name) => childOf(members, name).restore(),
    check,
    start: async (commands) => {
      check()
      await Promise.all(commands.map((command) => untilReady(begin(command), check)))
    },
    /** The gateway first, so that it can finish what it has begun. */
    stop: async () => {
      stopped = true
      await members.get('gateway')?.child.stop(graceOfGateway)
      const others = [...members].filter(([name]) => name !== 'gateway')
      await Promise.all(others.map(([, { child }]) => child.stop(graceOfOthers)))
      process.off('exit', atExit)
    },
  }
}

/** The last lines of a log, with the place where to find the rest. */
function endOf(log: string): string {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-12)
  return [...lines.map((line) => `  ${line}`), `(${log})`].join('\n')
}
