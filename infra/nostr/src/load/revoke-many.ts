import { generateSecretKey, type EventTemplate } from 'nostr-tools'
import { nostrTools } from '../clients/nostr-tools.ts'
import { figuresOf, type Figures } from './figures.ts'

/** What one client may do, and what takes it back: fulfilled when nothing is signed for that client any more. */
export type Lent = Readonly<{ uri: string; revoke: () => Promise<void> }>

const note = (content: string): EventTemplate => ({
  kind: 1,
  content,
  tags: [],
  created_at: Math.floor(Date.now() / 1_000),
})

/** ms of one revocation. Throws when the client was not served before it, or is served after it. */
async function revokeOne({ uri, revoke }: Lent): Promise<number> {
  const client = await nostrTools.open(generateSecretKey())
  try {
    await client.connect(uri)
    await client.signEvent(note('before'))
    const began = performance.now()
    await revoke()
    const took = performance.now() - began
    const isRefused = await client.signEvent(note('after')).then(
      () => false,
      () => true,
    )
    if (!isRefused) throw new Error('a client was served after its revocation')
    return took
  } finally {
    await client.close()
  }
}

/** Revocations, one after the other, each of a client of its own that has something signed before and is refused after. */
export async function revokeMany(lend: () => Promise<Lent>, count: number): Promise<Figures> {
  const times: number[] = []
  const began = performance.now()
  for (let n = 0; n < count; n += 1) times.push(await revokeOne(await lend()))
  return figuresOf(times, performance.now() - began)
}
