import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openStore } from '@quorate/gateway/store/open-store'
import type { EnclaveEvent } from '@quorate/enclave/events'
import type { Fleet } from '@quorate/local/fleet/fleet'
import { expect } from 'vitest'
import { nameOf } from './stored-state.ts'

type Logged = EnclaveEvent & Readonly<{ enclave: string }>
type Of<E extends EnclaveEvent['event']> = Extract<Logged, { event: E }>

/** Everything that the enclaves of this fleet have ever said, over all of their lives. */
export function enclaveLog({ state }: Pick<Fleet, 'state'>): Logged[] {
  const files = readdirSync(join(state, 'logs')).filter((name) => /^enclave-\d+\.log$/.test(name))
  const lines = files.flatMap((name) => readFileSync(join(state, 'logs', name), 'utf8').split('\n'))
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Logged)
}

const is =
  <E extends EnclaveEvent['event']>(event: E) =>
  (logged: Logged): logged is Of<E> =>
    logged.event === event

/** No commitment was made twice, none was spent twice, and none but by the enclave that had made it. Gives their numbers. */
export function expectNoncesOnce(log: readonly Logged[]): Readonly<{ committed: number; spent: number }> {
  const committed = log.filter(is('nonce.committed'))
  const spent = log.filter(is('nonce.spent'))
  const made = new Map(committed.map((one) => [one.commitment, one]))
  expect(made.size).toBe(committed.length)
  expect(new Set(spent.map(({ commitment }) => commitment)).size).toBe(spent.length)
  for (const { enclave, signingId, index, attempt, commitment } of spent)
    expect(made.get(commitment)).toMatchObject({ enclave, signingId, index, attempt })
  return { committed: committed.length, spent: spent.length }
}

/** `open`: the states of sessions that have not ended. */
export type Remains = Readonly<{ open: readonly string[]; records: number }>

/** What a stopped fleet has left in its database. Rejects when the audit chain does not verify. */
export async function remainsOf({ database }: Pick<Fleet, 'database'>): Promise<Remains> {
  const hex = readFileSync(join(dirname(database), 'storage.key'), 'utf8')
  const store = await openStore({ path: database, storageKey: Buffer.from(hex, 'hex') })
  try {
    const { records } = await store.verifyAudit()
    // The gateway is gone: who opens the store under its name gets what it drove, under a lease that is over at once.
    const { sessions } = await store.claim('gateway', 0)
    return { open: sessions.map(nameOf), records }
  } finally {
    await store.close()
  }
}
