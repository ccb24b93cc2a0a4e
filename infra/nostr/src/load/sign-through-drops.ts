import { verifyEvent, type Event } from 'nostr-tools'
import type { Faults } from '../faults/proxy.ts'
import { runInFlight } from './figures.ts'
import { PatientClient } from './patient-client.ts'

export type DroppingLoad = Readonly<{
  uri: () => Promise<string>
  /** The way to the relay: of the signer, of the clients by their URIs, or of both. */
  faults: Faults
  /** Begins to cut its connections, such as `() => faults.dropEach(5)`, and gives what ends this. */
  drop: () => () => void
  clients: number
  count: number
  inFlight: number
}>

/** Of requests that the relay acknowledged: how many have a signature, none, or several answers. */
export type Survived = Readonly<{
  acknowledged: number
  signed: number
  lost: number
  answeredTwice: number
  drops: number
}>

const TIMES = 60

const isSigned = (result: string | undefined): boolean =>
  result !== undefined && verifyEvent(JSON.parse(result) as Event)

/** Has events signed while the relay drops everybody, and says what became of what it had acknowledged. */
export async function signThroughDrops(load: DroppingLoad): Promise<Survived> {
  const clients: PatientClient[] = []
  for (let n = 0; n < load.clients; n += 1) clients.push(await PatientClient.connect(await load.uri()))
  const survived = { acknowledged: 0, signed: 0, lost: 0, answeredTwice: 0 }
  const before = load.faults.drops
  const stop = load.drop()
  try {
    await runInFlight(load.count, load.inFlight, async (n) => {
      const template = { kind: 1, content: `note ${n}`, tags: [], created_at: Math.floor(Date.now() / 1_000) }
      const asked = await clients[n % load.clients]?.ask('sign_event', [JSON.stringify(template)], TIMES)
      if (asked === undefined || asked.acknowledged === 0) return
      survived.acknowledged += 1
      survived[isSigned(asked.answer?.result) ? 'signed' : 'lost'] += 1
      if (asked.answers > 1) survived.answeredTwice += 1
    })
  } finally {
    stop()
    await Promise.all(clients.map((client) => client.close()))
  }
  return { ...survived, drops: load.faults.drops - before }
}
