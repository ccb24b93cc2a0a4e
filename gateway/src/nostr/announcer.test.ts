import { expect, it } from 'vitest'
import { MAX_ANNOUNCED } from '@quorate/shared/ceremonies/bunker-methods'
import type { SignedEvent } from '@quorate/shared/nostr/event'
import { noticed, until } from '../../../shared/test/noticing.js'
import { Announcer, type AnnouncerPorts } from './announcer.ts'
import type { AttestedHost } from './attesting.ts'
import type { Bunker } from './bunker.ts'

const eventOf = (content: string) => ({ content }) as SignedEvent

it('a bunker of a hundred hosts proves each of them, some at a time, and says once where it is reached', async () => {
  const hosts = Array.from({ length: 100 }, (_, n) => ({ receipt: n }) as unknown as AttestedHost)
  const asked: number[] = []
  const published: string[] = []
  const ask = {
    available: () => Promise.resolve([{}]),
    ready: () => Promise.resolve(),
    ask: (_: unknown, __: unknown, ___: unknown, params: { hosts: { receipt: number }[] }) => {
      asked.push(params.hosts.length)
      const proofs = params.hosts.map(({ receipt }) => eventOf(`host ${receipt}`))
      return Promise.resolve({ handler: eventOf('handler'), proofs })
    },
  } as unknown as AnnouncerPorts['ask']
  const announcer = new Announcer({
    ask,
    attest: () => Promise.resolve(hosts),
    publish: (_, { content }) => {
      published.push(content)
      noticed()
      return Promise.resolve(true)
    },
    alarm: () => () => undefined,
    failed: (error) => {
      throw error
    },
  })
  announcer.announce({ record: { books: [{}] } } as unknown as Bunker)
  await until(() => published.length === 101, 'all events')
  expect(published).toEqual(['handler', ...hosts.map((_, n) => `host ${n}`)])
  expect(Math.max(...asked)).toBeLessThanOrEqual(MAX_ANNOUNCED)
  announcer.close()
})
