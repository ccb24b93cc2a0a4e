import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/**
 * Where a process of the fleet is to stop: right before or after the `nth` time that a process does this step. SIGKILL is a
 * crash; SIGSTOP holds it there until the test has done what it wants to; `cut` is of an enclave, which then closes the connection
 * that the call came on, and lives on.
 */
export type CrashPlan = Readonly<{
  step: string
  /** Only there, when it is named. */
  place?: string
  when: 'before' | 'after'
  nth: number
  signal: 'SIGKILL' | 'SIGSTOP' | 'cut'
}>

export const sides = ['before', 'after'] as const

/** Both sides of each step. */
export const onBothSides = (steps: readonly string[]): Pick<CrashPlan, 'step' | 'when'>[] =>
  steps.flatMap((step) => sides.map((when) => ({ step, when })))

/** What an enclave is asked in a signing. */
export const signingSteps = ['signing.commit', 'signing.partial', 'signing.aggregate'] as const

/** `place`: the state that was written, or the enclave that was called. */
export type Hit = Readonly<{ step: string; when: string; place: string; pid: number }>

/** What a process says at each of its steps. It does not return from a crash, and throws where a connection is to be cut. */
export type Reach = (step: string, when: CrashPlan['when'], place: string) => void

export const folderOf = (state: string) => join(state, 'crash')
const planOf = (state: string) => join(folderOf(state), 'plan.json')
const ticketOf = (state: string, number: number) => join(folderOf(state), `ticket-${number}`)
const hitsOf = (state: string) => join(folderOf(state), 'hits.jsonl')

/**
 * Lays a plan for the fleet on this state folder. Each time that a process reaches the step it takes a ticket, and who gets
 * the last one stops: so that a plan is carried out once, by one process, and the one that is started after it runs on.
 */
export function layPlan(state: string, plan: CrashPlan): void {
  dropPlan(state)
  mkdirSync(folderOf(state), { recursive: true })
  for (let number = 1; number <= plan.nth; number += 1) writeFileSync(ticketOf(state, number), '')
  writeFileSync(`${planOf(state)}.draft`, JSON.stringify({ ...plan, hitsBefore: hitsIn(state).length }))
  renameSync(`${planOf(state)}.draft`, planOf(state))
}

/** Gives the hit of the last plan, or null when the step was never reached so often; there is no plan any more then. */
export function dropPlan(state: string): Hit | null {
  const plan = readPlan(state)
  if (plan === null) return null
  unlinkSync(planOf(state))
  for (let number = 1; number <= plan.nth; number += 1) rmSync(ticketOf(state, number), { force: true })
  return hitsIn(state)[plan.hitsBefore] ?? null
}

export function createReach(state: string): Reach {
  return (step, when, place) => {
    const plan = readPlan(state)
    if (plan?.step !== step || plan.when !== when || (plan.place ?? place) !== place) return
    if (!isLast(state, plan.nth)) return
    appendFileSync(hitsOf(state), JSON.stringify({ step, when, place, pid: process.pid }) + '\n')
    if (plan.signal === 'cut') throw new Error('the connection is cut here')
    process.kill(process.pid, plan.signal)
  }
}

/** Takes a ticket; only one process can remove a file. */
function isLast(state: string, tickets: number): boolean {
  for (let number = tickets; number > 0; number -= 1) {
    try {
      unlinkSync(ticketOf(state, number))
      return number === 1
    } catch {
      // It is taken.
    }
  }
  return false
}

type Laid = CrashPlan & Readonly<{ hitsBefore: number }>

export function readPlan(state: string): Laid | null {
  try {
    return JSON.parse(readFileSync(planOf(state), 'utf8')) as Laid
  } catch {
    return null
  }
}

export function hitsIn(state: string): Hit[] {
  if (!existsSync(hitsOf(state))) return []
  // Whoever is told of each change sees lines that are not written to their end.
  const lines = readFileSync(hitsOf(state), 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Hit)
}
