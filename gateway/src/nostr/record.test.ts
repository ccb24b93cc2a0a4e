import type { Binding, Book } from '@quorate/shared/wire/bunker'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { describe, expect, it } from 'vitest'
import { newRecord, partsOf, relaysOf, withBindings, withBook, withGreeted } from './record.ts'

const hosts = ['h1', 'h2'] as SignKey[]
const [one, two] = hosts as [SignKey, SignKey]
const signer = 's' as NostrKey
const empty = newRecord(signer, {})
const book = (index: number, serial: number, relays = ['wss://a'], length = 10) =>
  ({ body: { index, serial, relays, sealed: 'x'.repeat(length) }, signature: `${index}/${serial}` }) as unknown as Book
const bound = (host: SignKey, grant: string, since: number, ended = false) => ({
  host,
  binding: { body: { grant, client: 'c', since, ended }, signature: '' } as unknown as Binding,
})

describe('the record of a bunker', () => {
  it('has one book of each owner, in the order of owners, and listens where any of them says', () => {
    const record = [book(2, 1, ['wss://a', 'wss://b']), book(1, 1), book(2, 2, ['wss://b'])].reduce(withBook, empty)
    expect(record.books.map(({ signature }) => signature)).toEqual(['1/1', '2/2'])
    expect(relaysOf(withGreeted(record, 'c' as NostrKey, ['wss://c']))).toEqual(['wss://a', 'wss://b', 'wss://c'])
  })

  it('keeps the last word of each host on a grant', () => {
    const record = withBindings(withBindings(empty, [bound(one, 'g', 1), bound(two, 'g', 1)]), [
      bound(one, 'g', 2, true),
    ])
    expect(record.bindings.map(({ host, binding: { body } }) => [host, body.ended])).toEqual([
      [two, false],
      [one, true],
    ])
    expect(withBindings(record, [])).toBe(record)
  })

  it('is bounded: of bindings those go first that are over, then the oldest', () => {
    const many = Array.from({ length: 2_048 }, (_, at) => bound(one, `g${at}`, at, at === 7))
    const { bindings } = withBindings(withBindings(empty, many), [bound(one, 'new', 0), bound(two, 'newer', 9_999)])
    const grants = new Set(bindings.map(({ binding }) => binding.body.grant as string))
    expect(bindings).toHaveLength(2_048)
    expect(['g7', 'newer', 'g2047', 'g1'].map((grant) => grants.has(grant))).toEqual([false, true, true, true])
  })

  it('goes to a host in parts that fit, words of several hosts on one grant together', () => {
    const books = [1, 2, 3].map((index) => book(index, 1, ['wss://a'], 250_000))
    const bindings = Array.from({ length: 900 }, (_, at) => hosts.map((host) => bound(host, `g${at}`, at))).flat()
    const parts = partsOf({ ...books.reduce(withBook, empty), bindings })
    expect(parts.flatMap((part) => part.books)).toHaveLength(3)
    expect(parts.flatMap((part) => part.bindings)).toHaveLength(1_800)
    for (const part of parts) {
      expect(JSON.stringify(part).length).toBeLessThan(800_000)
      const grants = part.bindings.map(({ body }) => body.grant)
      for (const grant of new Set(grants)) expect(grants.filter((other) => other === grant)).toHaveLength(2)
    }
    expect(partsOf(empty)).toEqual([{ books: [], bindings: [] }])
  })
})
