import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OnFleetEvent } from './events.ts'

export type Command = Readonly<{
  name: string
  executable: string
  args: readonly string[]
  /** All of its environment: nothing is inherited. */
  env: Readonly<Record<string, string>>
  /** What it writes is appended here. */
  log: string
  /** A Node process ends by itself when the supervisor is gone. */
  leash: boolean
  /** Whether it does its work. Asked often. */
  probe: () => Promise<boolean>
}>

export type Child = Readonly<{
  name: string
  pid: () => number | undefined
  /** Reaches everything that the child has forked. A child that dies of it comes back without back-off. */
  signal: (signal: NodeJS.Signals) => void
  /** Resolves when the child does its work, or with false when it has ended before it came to it. */
  ready: () => Promise<boolean>
  /** How often in a row it has died without being asked to. */
  deaths: () => number
  /** Asks it to end, and after `grace` ms makes it. */
  stop: (grace: number) => Promise<void>
}>

const firstDelay = 100
const longestDelay = 5_000
/** After so long a life (ms) a death is news, and not one of a row. */
const longLife = 10_000
const probeEvery = 20

/** Runs a command and runs it again whenever it ends. */
export function keepRunning(command: Command, onEvent: OnFleetEvent): Child {
  let running: ChildProcess | undefined
  let again: NodeJS.Timeout | undefined
  let stopped = false
  let deaths = 0
  let ready = Promise.resolve(false)

  function start(): void {
    const startedAt = performance.now()
    const child = launch(command)
    running = child
    // An executable that is not there has no pid and reports an error; its end is then told by no `exit`.
    child.once('error', () => ended(child, null, null, startedAt))
    child.once('exit', (code, signal) => ended(child, code, signal, startedAt))
    if (child.pid !== undefined) onEvent({ type: 'started', name: command.name, pid: child.pid })
    ready = untilReady(child, startedAt)
  }

  function ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null, startedAt: number): void {
    if (running !== child) return
    running = undefined
    if (performance.now() - startedAt > longLife) deaths = 0
    const delay = Math.min(longestDelay, firstDelay * 2 ** Math.max(0, deaths))
    deaths += 1
    onEvent({ type: 'exited', name: command.name, code, signal, restartIn: stopped ? null : delay })
    if (stopped) return
    again = setTimeout(start, delay)
  }

  async function untilReady(child: ChildProcess, startedAt: number): Promise<boolean> {
    while (running === child && !(await command.probe())) await sleep(probeEvery)
    if (running === child)
      onEvent({ type: 'ready', name: command.name, after: Math.round(performance.now() - startedAt) })
    return running === child
  }

  function signal(name: NodeJS.Signals): void {
    deaths = -1
    if (running?.pid !== undefined) signalGroup(running.pid, name)
  }

  async function stop(grace: number): Promise<void> {
    stopped = true
    clearTimeout(again)
    const child = running
    if (child?.pid === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    signalGroup(child.pid, 'SIGTERM')
    // A child that was paused cannot hear that it shall end.
    signalGroup(child.pid, 'SIGCONT')
    const deadline = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), grace)
    await gone
    clearTimeout(deadline)
    // What it had forked does not outlive it.
    signalGroup(child.pid, 'SIGKILL')
  }

  start()
  return { name: command.name, pid: () => running?.pid, signal, ready: () => ready, deaths: () => deaths, stop }
}

/** In a group of its own: a Ctrl-C in the terminal is the supervisor's affair, which then stops everything in order. */
function launch({ executable, args, env, log, leash }: Command): ChildProcess {
  const output = openSync(log, 'a', 0o600)
  const stdio = leash ? (['ignore', output, output, 'ipc'] as const) : (['ignore', output, output] as const)
  const child = spawn(executable, args, { env, stdio: [...stdio], detached: true })
  closeSync(output)
  child.channel?.unref()
  return child
}

export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It is gone already.
  }
}
