import { STOCK_SIZE, type Stock } from '@quorate/shared/wire/signing'
import { beforeEach, describe, expect, it } from 'vitest'
import { introduceAll, startHosts } from '../../shared/party/test/host.js'
import { makeKey } from '../../shared/party/test/ceremony.js'
import type { Hosts } from '../src/engine/ports.ts'
import { Stocks, seatsAt, type StockOf } from '../src/keys/stocks.ts'

const group = await startHosts()
await introduceAll(group.members)
const key = await makeKey(group)
const other = await makeKey(group)
const { keyId, participants } = key.plan.skeleton
const all = participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId }))
const seats = seatsAt(all, [1, 2])
const of: StockOf = { keyId, certificateDigest: key.digest }

let now: number
let isRestarted: boolean
let asked: number[]
let changed: (stock: Stock) => Stock
let failed: unknown[]

beforeEach(() => {
  now = 0
  isRestarted = false
  asked = []
  changed = (stock) => stock
  failed = []
})

const memberAt = (host: string) => group.members.find(({ identity }) => identity.enclaveId === host)!

function start(mostSeats?: number) {
  const hosts = {
    life: (host: string) => (isRestarted ? 'another' : memberAt(host).bootId()),
    ask: async (host: string, method: 'signing.stock', params: Readonly<{ index: number }>) => {
      asked.push(params.index)
      const { stock } = await memberAt(host).call(method, params as never)
      return { stock: changed(stock) }
    },
  } as unknown as Pick<Hosts, 'ask' | 'life'>
  const verified = { certificate: key.certificate.body, digest: key.digest }
  const loadKey = () => Promise.resolve({ verified, record: {} as never })
  const failedWith = (error: unknown) => void failed.push(error)
  return new Stocks({ hosts, loadKey, timeoutMs: 1_000, clock: () => now, failed: failedWith }, mostSeats)
}

async function filled(mostSeats?: number) {
  const stocks = start(mostSeats)
  await stocks.used(of, seats)
  return stocks
}

describe('commitments that hosts have given ahead', () => {
  it('are there once a seat has signed, and each is given to one signing', async () => {
    const stocks = start()
    expect(stocks.draw(of, seats)).toBeNull()
    expect(asked).toEqual([])
    await stocks.used(of, seats)
    expect(asked).toEqual([1, 2])
    const drawn = Array.from({ length: STOCK_SIZE }, () => stocks.draw(of, seats)!)
    expect(drawn.every((one) => String(one.map(({ body }) => body.index)) === '1,2')).toBe(true)
    expect(new Set(drawn.flat().map(({ serial, body }) => `${body.index}/${serial}`)).size).toBe(2 * STOCK_SIZE)
    expect(stocks.draw(of, seats)).toBeNull()
  })

  it('are taken of all seats or of none', async () => {
    const stocks = start()
    await stocks.used(of, seats.slice(0, 1))
    expect(stocks.draw(of, seats)).toBeNull()
    for (let left = STOCK_SIZE; left > 0; left -= 1) expect(stocks.draw(of, seats.slice(0, 1))).toHaveLength(1)
  })

  it('are fetched of whoever takes the place of one that had some', async () => {
    const stocks = await filled()
    const others = seatsAt(all, [1, 3])
    expect(stocks.draw(of, others)).toBeNull()
    await stocks.used(of, others)
    expect(asked).toEqual([1, 2, 3])
    expect(stocks.draw(of, others)).toHaveLength(2)
  })

  it('are fetched once for those who use many at a time, and as many as they use', async () => {
    const stocks = await filled()
    for (let n = 0; n < 30; n += 1) stocks.draw(of, seats)
    await Promise.all([stocks.used(of, seats), stocks.used(of, seats)])
    expect(asked).toEqual([1, 2, 1, 2, 1, 2])
    for (let left = 2 * STOCK_SIZE; left > 0; left -= 1) expect(stocks.draw(of, seats)).not.toBeNull()
    expect(stocks.draw(of, seats)).toBeNull()
  })

  it('are not fetched while there are enough', async () => {
    const stocks = await filled()
    stocks.draw(of, seats)
    await stocks.used(of, seats)
    expect(asked).toEqual([1, 2])
  })

  it('are of one life of their host', async () => {
    const stocks = await filled()
    isRestarted = true
    expect(stocks.draw(of, seats)).toBeNull()
  })

  it('are forgotten before their host forgets them', async () => {
    const stocks = await filled()
    now = 540_001
    expect(stocks.draw(of, seats)).toBeNull()
  })

  it('are of one version of the key', async () => {
    const stocks = await filled()
    expect(stocks.draw({ ...of, certificateDigest: other.digest }, seats)).toBeNull()
    await stocks.used({ ...of, certificateDigest: other.digest }, seats)
    expect(asked).toEqual([1, 2])
  })

  it('are dropped when what is brought is not of its host', async () => {
    changed = (stock) => ({ ...stock, body: { ...stock.body, first: stock.body.first + 1 } })
    const stocks = await filled()
    expect(asked).toEqual([1, 2])
    expect(stocks.draw(of, seats)).toBeNull()
    expect(failed).toEqual([])
  })

  it('are kept of so many seats, those that were used last', async () => {
    const stocks = await filled(2)
    await stocks.used(of, seatsAt(all, [3]))
    expect(stocks.draw(of, seats.slice(0, 1))).toBeNull()
  })

  it('are no more fetched once the gateway closes', async () => {
    const stocks = start()
    await stocks.close()
    await stocks.used(of, seats)
    expect(asked).toEqual([])
  })
})
