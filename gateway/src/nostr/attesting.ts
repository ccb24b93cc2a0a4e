import { randomBytes } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import type { BunkerReceipt } from '@quorate/shared/wire/bunker'
import { Random32 } from '@quorate/shared/wire/ids'
import type { AttestedIdentity } from '@quorate/shared/wire/identity'
import type { Hosts } from '../engine/ports.ts'
import type { Bunker } from './bunker.ts'
import type { BunkerHosts } from './hosts.ts'

export type AttestedHost = { receipt: BunkerReceipt; attested: AttestedIdentity }

/** For how long hosts are not asked again, since anybody may ask for it. ms */
const KEPT_MS = 60_000
/** Bunkers whose answers are kept. */
const MOST_KEPT = 1_024

type Kept = Readonly<{ at: number; hosts: Promise<readonly AttestedHost[]> }>

/** What each host that is there holds of a bunker, as of now, with a document that proves the host. */
export function createAttesting(
  ask: BunkerHosts,
  { hosts, clock }: Readonly<{ hosts: Hosts; clock: () => number }>,
): (bunker: Bunker) => Promise<readonly AttestedHost[]> {
  const kept = new Map<string, Kept>()

  async function attest(bunker: Bunker): Promise<readonly AttestedHost[]> {
    const seats = await ask.available(bunker.keyId)
    const each = seats.map(async (seat): Promise<AttestedHost> => {
      await ask.load(bunker, seat)
      const nonce = Random32.parse(randomBytes(32).toString('hex'))
      const attested = await hosts.ask(seat.host, 'attest', { nonce })
      const receipt = bunker.standings.get(seat.host)?.receipt
      if (receipt === undefined) throw new Refusal('enclave.unreachable')
      return { receipt, attested }
    })
    const settled = await Promise.allSettled(each)
    const said = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    if (said.length === 0) throw new Refusal('enclave.unreachable')
    return said
  }

  return (bunker) => {
    const known = kept.get(bunker.keyId)
    if (known !== undefined && clock() - known.at < KEPT_MS) return known.hosts
    const found = { at: clock(), hosts: attest(bunker) }
    kept.delete(bunker.keyId)
    kept.set(bunker.keyId, found)
    found.hosts.catch(() => kept.get(bunker.keyId) === found && kept.delete(bunker.keyId))
    const [oldest] = kept.keys()
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    return found.hosts
  }
}
