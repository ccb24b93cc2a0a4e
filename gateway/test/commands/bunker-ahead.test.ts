import { verifyEvent, type Event } from 'nostr-tools'
import { beforeEach, describe, expect, it } from 'vitest'
import { note } from '../../../shared/party/test/bunker.js'
import { connected, say, served, withRelays } from './bunker-house.ts'
import { enclaves, inFreshHouses } from './house.ts'

inFreshHouses()
withRelays()

type House = Readonly<{ bunker: Awaited<ReturnType<typeof served>>; program: Awaited<ReturnType<typeof connected>> }>
let house: House

const counts = () => ({ ahead: enclaves.count('bunker.commit'), round: enclaves.count('signing.commit') })

async function sign({ bunker, program }: House): Promise<boolean> {
  const { result } = await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
  return verifyEvent(JSON.parse(result ?? '') as Event)
}

describe('a program whose last event was signed', () => {
  beforeEach(async () => {
    const bunker = await served()
    house = { bunker, program: await connected(bunker) }
    expect(await sign(house)).toBe(true)
    expect(counts()).toEqual({ ahead: 0, round: 2 })
  })

  it('has the next one signed by hosts that commit to it while one of them takes it', async () => {
    expect(await sign(house)).toBe(true)
    expect(counts()).toEqual({ ahead: 1, round: 2 })
  })

  it('has it signed all the same where a host has not committed', async () => {
    for (const host of enclaves.ids()) enclaves.fault(host, 'bunker.commit', 'enclave.timeout')
    expect(await sign(house)).toBe(true)
    expect(counts()).toEqual({ ahead: 1, round: 3 })
  })

  it('has it signed by others where a host that committed is lost before it signs', async () => {
    for (const host of enclaves.ids()) enclaves.fault(host, 'signing.partial', 'signing.unknown')
    expect(await sign(house)).toBe(true)
    expect(counts().round).toBeGreaterThan(2)
  })

  it('has no host commit to anything once it has asked for something else', async () => {
    const { bunker, program } = house
    expect((await say(bunker, program, program.ask('ping', []))).result).toBe('pong')
    expect(counts()).toEqual({ ahead: 1, round: 2 })
    expect(await sign(house)).toBe(true)
    expect(counts()).toEqual({ ahead: 1, round: 4 })
  })
})
