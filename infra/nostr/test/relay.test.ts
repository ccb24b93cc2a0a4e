import { finalizeEvent, generateSecretKey, getPublicKey, SimplePool, type Event } from 'nostr-tools'
import { EncryptedDirectMessage, Metadata, NostrConnect, ShortTextNote } from 'nostr-tools/kinds'
import { afterEach, describe, expect, it } from 'vitest'
import { noticed, until } from '../../../shared/test/noticing.js'
import { startRelay } from '../src/relay/embedded.ts'
import type { RelayOptions } from '../src/relay/relay.ts'

const [ann, bob] = [generateSecretKey(), generateSecretKey()]
const to = (key: Uint8Array): string[] => ['p', getPublicKey(key)]
const today = Math.floor(Date.now() / 1_000)
const event = (kind: number, tags: string[][] = [], content = 'gm', created_at = today): Event =>
  finalizeEvent({ kind, tags, content, created_at }, ann)

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function open(options?: RelayOptions) {
  const relay = await startRelay(options)
  const pool = new SimplePool()
  closing.push(relay.close, () => pool.destroy())
  return { relay, pool, publish: (one: Event) => Promise.any(pool.publish([relay.url], one)) }
}

type Opened = Awaited<ReturnType<typeof open>>

/** What comes to somebody who waits for mail of NIP-46, when the relay has promised to bring it. */
async function inbox({ pool, relay }: Opened, key: Uint8Array): Promise<readonly Event[]> {
  const events: Event[] = []
  await new Promise<void>((resolve) => {
    pool.subscribe(
      [relay.url],
      { kinds: [NostrConnect], '#p': [getPublicKey(key)] },
      {
        oneose: resolve,
        onevent: (one) => {
          events.push(one)
          noticed()
        },
      },
    )
  })
  return events
}

describe('the relay in this process', () => {
  it('brings an ephemeral event to whom it is for, to nobody else, and keeps none', async () => {
    const opened = await open()
    const [anns, bobs] = [await inbox(opened, ann), await inbox(opened, bob)]
    await opened.publish(event(NostrConnect, [to(bob)], 'for bob'))
    await opened.publish(event(NostrConnect, [to(ann)], 'for ann'))
    await until(() => anns.length > 0 && bobs.length > 0, 'both events')
    expect([anns, bobs].map((events) => events.map(({ content }) => content))).toEqual([['for ann'], ['for bob']])
    expect(await opened.pool.querySync([opened.relay.url], { kinds: [NostrConnect] })).toEqual([])
    expect(opened.relay.seen).toMatchObject({ connections: 1, open: 1, events: 2, delivered: 2, refused: 0 })
  })

  it('takes no event whose signature is of another one', async () => {
    const { publish } = await open()
    await expect(publish({ ...event(ShortTextNote), content: 'not what was signed' })).rejects.toThrow()
  })

  it('keeps the newest of a kind that is replaced, and gives it to who asks', async () => {
    const { pool, relay, publish } = await open()
    await publish(event(Metadata, [], 'new'))
    await publish(event(Metadata, [], 'old', today - 60))
    await publish(event(ShortTextNote, [], 'note'))
    const kept = await pool.querySync([relay.url], { authors: [getPublicKey(ann)], kinds: [Metadata] })
    expect(kept.map(({ content }) => content)).toEqual(['new'])
  })

  it('carries a message of 300,000 bytes', async () => {
    const opened = await open()
    const bobs = await inbox(opened, bob)
    await opened.publish(event(NostrConnect, [to(bob)], 'x'.repeat(300_000)))
    await until(() => bobs.length > 0, 'the event')
    expect(bobs[0]!.content).toHaveLength(300_000)
  })
})

describe('a relay that wants to know who reads and writes', () => {
  it('refuses events and subscriptions of who has not said it', async () => {
    const { pool, relay, publish } = await open({ auth: true })
    await expect(publish(event(EncryptedDirectMessage, [to(bob)]))).rejects.toThrow()
    const reasons = await new Promise((resolve) => {
      pool.subscribe([relay.url], { kinds: [NostrConnect] }, { onclose: resolve })
    })
    expect(JSON.stringify(reasons)).toContain('auth-required')
    expect(relay.seen).toMatchObject({ requests: 0, events: 0, logins: 0, refused: 2 })
  })

  it('serves who has', async () => {
    const opened = await open({ auth: true })
    opened.pool.automaticallyAuth = () => (template) => Promise.resolve(finalizeEvent(template, ann))
    const anns = await inbox(opened, ann)
    await opened.publish(event(NostrConnect, [to(ann)]))
    await until(() => anns.length > 0, 'the event')
    expect(opened.relay.seen).toMatchObject({ logins: 1, events: 1 })
  })
})
