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

const firstDelay = 100
const longestDelay = 5_000
/** After so long a life (ms) a death is news, and not one of a row. */
const longLife = 10_000
const probeEvery = 20

/** A command that runs, and runs again whenever it ends. */
export class Child {
  readonly name: string
  readonly #command: Command
  readonly #onEvent: OnFleetEvent
  #running: ChildProcess | undefined
  #again: NodeJS.Timeout | undefined
  #stopped = false
  #away = false
  #deaths = 0
  #ready = Promise.resolve(false)

  constructor(command: Command, onEvent: OnFleetEvent) {
    this.name = command.name
    this.#command = command
    this.#onEvent = onEvent
    this.#start()
  }

  pid(): number | undefined {
    return this.#running?.pid
  }

  /** Reaches everything that the child has forked. A child that dies of it comes back without back-off. */
  signal(name: NodeJS.Signals): void {
    this.#deaths = -1
    if (this.#running?.pid !== undefined) signalGroup(this.#running.pid, name)
  }

  /** Kills it, and leaves it dead. */
  lose(): void {
    this.#away = true
    clearTimeout(this.#again)
    this.signal('SIGKILL')
  }

  /** Starts what was lost. */
  restore(): void {
    if (!this.#away) return
    this.#away = false
    if (this.#running === undefined && !this.#stopped) this.#start()
  }

  /** Resolves when the child does its work, or with false when it has ended before it came to it. */
  ready(): Promise<boolean> {
    return this.#ready
  }

  /** How often in a row it has died without being asked to. */
  deaths(): number {
    return this.#deaths
  }

  /** Asks it to end, and after `grace` ms makes it. */
  async stop(grace: number): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#again)
    const child = this.#running
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

  #start(): void {
    const startedAt = performance.now()
    const child = launch(this.#command)
    this.#running = child
    // An executable that is not there has no pid and reports an error; its end is then told by no `exit`.
    child.once('error', () => this.#ended(child, null, null, startedAt))
    child.once('exit', (code, signal) => this.#ended(child, code, signal, startedAt))
    if (child.pid !== undefined) this.#onEvent({ type: 'started', name: this.name, pid: child.pid })
    this.#ready = this.#untilReady(child, startedAt)
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null, startedAt: number): void {
    if (this.#running !== child) return
    this.#running = undefined
    if (performance.now() - startedAt > longLife) this.#deaths = 0
    const delay = Math.min(longestDelay, firstDelay * 2 ** Math.max(0, this.#deaths))
    this.#deaths += 1
    const isOver = this.#stopped || this.#away
    this.#onEvent({ type: 'exited', name: this.name, code, signal, restartIn: isOver ? null : delay })
    if (isOver) return
    this.#again = setTimeout(() => this.#start(), delay)
  }

  async #untilReady(child: ChildProcess, startedAt: number): Promise<boolean> {
    while (this.#running === child && !(await this.#command.probe())) await sleep(probeEvery)
    if (this.#running === child)
      this.#onEvent({ type: 'ready', name: this.name, after: Math.round(performance.now() - startedAt) })
    return this.#running === child
  }
}

/** Runs a command and runs it again whenever it ends. */
export const keepRunning = (command: Command, onEvent: OnFleetEvent): Child => new Child(command, onEvent)

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
