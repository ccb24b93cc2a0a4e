import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openStore } from '@quorate/gateway/store/open-store'
import type { EnclaveEvent } from '@quorate/enclave/events'
import type { Fleet } from '@quorate/local/fleet/fleet'
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

/** How many commitments were made and spent. `faults`: what must never be, a sentence each. */
export type NonceUse = Readonly<{ committed: number; spent: number; faults: readonly string[] }>

type Use = Readonly<Omit<Of<'nonce.spent'>, 'event' | 'packageDigest'>>
const placeOf = ({ enclave, signingId, index, attempt }: Use): string =>
  `${enclave}, signing ${signingId}, index ${index}, attempt ${attempt}`

/** No commitment is made twice, none is spent twice, and none but by the enclave that made it, for what it made it for. */
export function nonceUse(log: readonly Logged[]): NonceUse {
  const faults: string[] = []
  const made = new Map<string, string>()
  const committed = log.filter(is('nonce.committed'))
  for (const one of committed) {
    if (made.has(one.commitment)) faults.push(`commitment ${one.commitment} made twice: ${placeOf(one)}`)
    made.set(one.commitment, placeOf(one))
  }
  const spent = log.filter(is('nonce.spent'))
  const seen = new Set<string>()
  for (const one of spent) {
    if (seen.has(one.commitment)) faults.push(`commitment ${one.commitment} spent twice: ${placeOf(one)}`)
    seen.add(one.commitment)
    if (made.get(one.commitment) !== placeOf(one))
      faults.push(`commitment ${one.commitment} spent by another than made it: ${placeOf(one)}`)
  }
  return { committed: committed.length, spent: spent.length, faults }
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
