import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import { STOCK_SIZE, type StockCommitment } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import { Stocks, type Nonce } from './stocks.ts'

const life = { id: 'l', startedAt: 0 }
const certificateDigest = 'd' as Digest

/** A stock of a host, whose nonces say when they are wiped. */
function start() {
  const wiped: string[] = []
  const stocks = new Stocks({ life, alarm: () => () => undefined })
  const keep = (index: number): StockCommitment => {
    const nonceOf = (at: number) => ({ destroy: () => wiped.push(`${index}/${at}`) }) as unknown as Nonce
    const drawn = Array.from({ length: STOCK_SIZE }, (_, at) => ({ nonce: nonceOf(at), commitment: `${at}` }))
    const body = stocks.keep({ certificateDigest, index }, 'key', drawn)
    return { body, signature: 's', serial: body.first }
  }
  return { stocks, keep, wiped }
}

describe('the stocks of a host', () => {
  it('are of so many seats: the one that was used longest ago is wiped for another', () => {
    const { stocks, keep, wiped } = start()
    const first = Array.from({ length: 2_000 }, (_, at) => keep(at + 1))
    expect(wiped).toEqual([])
    // What is used is not the oldest any more.
    stocks.take(first[0]!)
    keep(2_001)
    expect(wiped).toEqual(Array.from({ length: STOCK_SIZE }, (_, at) => `2/${at}`))
    expect(() => stocks.take(first[1]!)).toThrow(new Refusal('nonce.spent'))
    stocks.take({ ...first[0]!, serial: first[0]!.serial + 1 })
  })
})
