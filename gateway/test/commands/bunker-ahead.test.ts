import { verifyEvent, type Event } from 'nostr-tools'
import { beforeEach, describe, expect, it } from 'vitest'
import { note } from '../../../shared/party/test/bunker.js'
import { connected, say, served, withRelays } from './bunker-house.ts'
import { enclaves, inFreshHouses } from './house.ts'

inFreshHouses()
withRelays()

type House = Readonly<{ bunker: Awaited<ReturnType<typeof served>>; program: Awaited<ReturnType<typeof connected>> }>
let house: House

const calls = () => ({
  ahead: enclaves.count('bunker.sign'),
  commit: enclaves.count('signing.commit'),
  partial: enclaves.count('signing.partial'),
})
let before = { ahead: 0, commit: 0, partial: 0 }
/** Calls since an event was signed ahead. */
const since = () => {
  const now = calls()
  return {
    ahead: now.ahead - before.ahead,
    commit: now.commit - before.commit,
    partial: now.partial - before.partial,
  }
}

async function sign({ bunker, program }: House): Promise<boolean> {
  const { result } = await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
  return verifyEvent(JSON.parse(result ?? '') as Event)
}

describe('a program whose last event was signed', () => {
  beforeEach(async () => {
    const bunker = await served()
    house = { bunker, program: await connected(bunker) }
    expect(await sign(house)).toBe(true)
    expect(calls()).toEqual({ ahead: 0, commit: 2, partial: 2 })
    // Until what is fetched meanwhile is there, of all three: each takes an event in its turn.
    for (let inARow = 0; inARow < 3;) {
      const { ahead } = calls()
      await sign(house)
      inARow = calls().ahead > ahead ? inARow + 1 : 0
    }
    before = calls()
  })

  it('has the next one signed by the others of its hosts while one of them takes it', async () => {
    expect(await sign(house)).toBe(true)
    expect(since()).toEqual({ ahead: 1, commit: 0, partial: 0 })
  })

  it('has it signed all the same where a host has not signed ahead', async () => {
    for (const host of enclaves.ids()) enclaves.fault(host, 'bunker.sign', 'enclave.timeout')
    expect(await sign(house)).toBe(true)
    expect(since()).toEqual({ ahead: 1, commit: 0, partial: 1 })
  })

  it('has it signed by others where a host that signed ahead is lost before it joins the partials', async () => {
    for (const host of enclaves.ids()) enclaves.fault(host, 'signing.aggregate', 'signing.unknown')
    expect(await sign(house)).toBe(true)
    expect(since().commit).toBeGreaterThan(0)
  })

  it('has no host sign anything once it has asked for something else, but with what lies in stock', async () => {
    const { bunker, program } = house
    expect((await say(bunker, program, program.ask('ping', []))).result).toBe('pong')
    expect(since()).toEqual({ ahead: 1, commit: 0, partial: 0 })
    expect(await sign(house)).toBe(true)
    expect(since()).toEqual({ ahead: 1, commit: 0, partial: 2 })
  })
})
