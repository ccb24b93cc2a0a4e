import { generateSecretKey } from 'nostr-tools'
import type { Client } from '../clients/client.ts'
import { nostrTools } from '../clients/nostr-tools.ts'
import { figuresOf, runInFlight, type Figures } from './figures.ts'

export type SigningLoad = Readonly<{
  /** A `bunker://` URI with a secret that nobody has used. */
  uri: () => Promise<string>
  /** How many, each with a key and a connection of its own. */
  clients: number
  /** How many events all of them have signed together. */
  count: number
  /** How many of these at a time, over all clients. */
  inFlight: number
  /** How many events are signed before the first one is measured; by default one a client. */
  warmUp?: number
}>

const CONNECTING_AT_ONCE = 16

async function connectAll(uri: SigningLoad['uri'], count: number): Promise<Client[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => nostrTools.open(generateSecretKey())))
  try {
    await runInFlight(count, CONNECTING_AT_ONCE, async (n) => clients[n]?.connect(await uri()))
    return clients
  } catch (error) {
    await closeAll(clients)
    throw error
  }
}

const closeAll = (clients: readonly Client[]) => Promise.all(clients.map((client) => client.close()))

/** `sign_event` as nostr-tools' clients feel it: from the call to the event whose signature they have verified. */
export async function signMany({ uri, clients: many, count, inFlight, warmUp = many }: SigningLoad): Promise<Figures> {
  const clients = await connectAll(uri, many)
  const sign = async (n: number): Promise<number> => {
    const began = performance.now()
    const created_at = Math.floor(Date.now() / 1_000)
    await clients[n % many]?.signEvent({ kind: 1, content: `note ${n}`, tags: [], created_at })
    return performance.now() - began
  }
  try {
    await runInFlight(warmUp, inFlight, async (n) => {
      await sign(n)
    })
    const times: number[] = []
    const began = performance.now()
    await runInFlight(count, inFlight, async (n) => void times.push(await sign(n)))
    return figuresOf(times, performance.now() - began)
  } finally {
    await closeAll(clients)
  }
}
