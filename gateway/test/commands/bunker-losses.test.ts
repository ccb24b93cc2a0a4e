import { verifyEvent, type Event } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { grantOf, note, termsOf } from '../../../shared/party/test/bunker.js'
import type { Host } from '../../../shared/party/test/host.js'
import { noticed, until } from '../../../shared/test/noticing.js'
import { Refusal } from '@quorate/shared/errors'
import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import {
  answersTo,
  connected,
  give,
  keyIdOf,
  nextAnswer,
  relay,
  say,
  served,
  startClient,
  waitingAt,
  withRelays,
} from './bunker-house.ts'
import {
  coordinator,
  decisionFor,
  enclaves,
  EVER,
  inFreshHouses,
  logged,
  restartGateway,
  startGateway,
  stopGateway,
  store,
} from './house.ts'

inFreshHouses()
withRelays()

const page = 'https://quorate.example/bunker'
const asks = { otherwise: 'ask' as const, permissions: { methods: [], kinds: { ordinary: false, named: [7] } } }
const signs = (said: { result?: string }) => verifyEvent(JSON.parse(said.result!) as Event)
const signEvent = (program: Awaited<ReturnType<typeof connected>>) => program.ask('sign_event', [JSON.stringify(note)])

/** The next call of this method at each host waits until the test lets it go on, or lets it come to nothing. */
function holdAll(method: HostMethod, fails = false) {
  let asked = 0
  let goOn = (): void => undefined
  const held = new Promise<void>((resolve) => (goOn = resolve))
  for (const host of enclaves.ids())
    enclaves.fault(host, method, () => {
      asked += 1
      noticed()
      return fails ? held.then(() => Promise.reject(new Refusal('enclave.timeout'))) : held
    })
  return { asked: (many = 1) => until(() => asked >= many, method), goOn: () => goOn() }
}

/** The gateway never hears of a receipt of a host other than the first of a quorum, from now on until it is lost. */
function holdReceipts() {
  let given = 0
  let isLost = false
  let lose = (): void => undefined
  const lost = new Promise<never>((_, reject) => {
    lose = () => {
      isLost = true
      reject(new Refusal('enclave.unreachable'))
    }
  })
  lost.catch(() => undefined)
  for (const id of enclaves.ids()) {
    const host = enclaves.host(id)
    const call: Host['call'] = host.call.bind(host)
    const losing: Host['call'] = async (asked, params) => {
      const result = await call(asked, params)
      const isReceipt = asked === 'signing.aggregate'
      if (isLost || !isReceipt || (result as HostResult<'signing.aggregate'>).joined !== null) return result
      given += 1
      noticed()
      return lost
    }
    Object.assign(host, { call: losing })
  }
  return { given: () => until(() => given === 1, 'a receipt'), lose }
}

describe('a gateway that restarts', () => {
  it('gives the stored answer again, and does nothing again', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const event = signEvent(program)
    const said = await say(bunker, program, event)
    const asked = () => enclaves.calls.filter(({ method }) => /^(bunker.take|signing.(?!stock))/.test(method)).length
    const before = asked()
    const published = relay.events.length
    // What a relay that keeps nothing would have lost.
    relay.events.splice(0, published, ...relay.events.filter(({ id }) => id === event.id))
    await restartGateway()
    expect(await nextAnswer(bunker, program, 0)).toBeTruthy()
    await relay.heard('the same answer', () =>
      answersTo(program, bunker.signer).some(({ result }) => result === said.result),
    )
    expect(asked()).toBe(before)
  })

  it.each<HostMethod>(['bunker.take', 'signing.commit', 'signing.partial', 'signing.aggregate'])(
    'in the middle of %s goes on where it stood, and the program is answered once',
    async (method) => {
      const bunker = await served()
      const program = await connected(bunker)
      const event = signEvent(program)
      const held = holdAll(method, true)
      relay.put(event)
      await held.asked()
      const stopped = stopGateway()
      held.goOn()
      await stopped
      await startGateway()
      expect(signs(await nextAnswer(bunker, program, 1))).toBe(true)
      await say(bunker, program, program.ask('ping', []))
      const ids = answersTo(program, bunker.signer).map(({ id }) => id)
      expect(new Set(ids).size).toBe(3)
      expect(await store.openClientRequests(Date.now() + 1)).toEqual([])
    },
  )

  it('has given no answer away before it is on the disk: it stands in its signing then', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const event = signEvent(program)
    const save = store.saveClientRequest.bind(store)
    let crash = (): void => undefined
    store.saveClientRequest = (change, ...rest) => {
      if (change.eventId !== event.id || change.state.stage.name !== 'answered') return save(change, ...rest)
      const written = new Promise<number>((_, reject) => (crash = () => reject(new Refusal('store.failed'))))
      noticed()
      return written
    }
    relay.put(event)
    await until(() => enclaves.count('signing.aggregate') === 2, 'the answer')
    expect((await say(bunker, program, program.ask('ping', []))).result).toBe('pong')
    const stopped = stopGateway()
    crash()
    await stopped
    logged.splice(0)
    await startGateway()
    expect(signs(await nextAnswer(bunker, program, 2))).toBe(true)
    expect(enclaves.count('signing.aggregate')).toBe(2)
  })

  it('between the receipts of hosts and its own write has told the program already, and does not ask for it again', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const receipts = holdReceipts()
    expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
    await receipts.given()
    const stopped = stopGateway()
    receipts.lose()
    await stopped
    await startGateway()
    const commit = enclaves.calls.find(({ method }) => method === 'signing.commit')!.params
    const { signingId } = (commit as HostParams<'signing.commit'>).request.body
    const ended = await coordinator.follow.signing.wait(signingId, { ms: EVER })
    expect(ended).toMatchObject({ state: 'completed', attempt: 1 })
    await say(bunker, program, program.ask('ping', []))
    expect(answersTo(program, bunker.signer)).toHaveLength(3)
  })

  it('still has what waits for owners, whom it sends to the same page', async () => {
    const bunker = await served(asks, { page })
    const program = await connected(bunker)
    const event = signEvent(program)
    await say(bunker, program, event)
    await restartGateway()
    await until(() => enclaves.calls.length > 0 && relay.requests.length > 1, 'the start')
    const [waiting] = await waitingAt(bunker)
    for (const index of [2, 3])
      await coordinator.decideWaiting(
        keyIdOf(bunker),
        event.id,
        await decisionFor(bunker.key, waiting!.request!, index),
      )
    await relay.heard('the signature', () =>
      answersTo(program, bunker.signer).some(({ result }) => result?.startsWith('{') === true),
    )
  })
})

describe('a host that has laid out a connection for owners', () => {
  it('is shown its own line when it has restarted, and so is every other: the program gets in', async () => {
    const bunker = await served({}, { strangers: 'ask', page })
    const program = startClient(bunker)
    await say(bunker, program, program.ask('connect', [bunker.signer, '']))
    const { enclaveId } = enclaves.calls.find(({ method }) => method === 'bunker.take')!
    enclaves.restart(enclaveId)
    await restartGateway()
    const before = enclaves.calls.length
    const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, Date.now())
    await give(bunker, termsOf([grant], { strangers: 'ask', page }), [1, 2])
    expect(await nextAnswer(bunker, program, 1)).toMatchObject({ result: 'ack' })
    const taken = enclaves.calls.slice(before).filter(({ method }) => method === 'bunker.take')
    const lines = taken.map(({ params }) => (params as HostParams<'bunker.take'>).laidOut?.body.seq)
    expect(new Set(lines)).toEqual(new Set([0]))
  })
})

describe('a host that is lost', () => {
  it('hears of what was taken back when it is there again, before it is asked for anything', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    enclaves.kill('enclave-2')
    await give(bunker, termsOf([]))
    enclaves.reach('enclave-2')
    await until(
      () =>
        enclaves.calls.filter(({ method, enclaveId }) => method === 'bunker.load' && enclaveId === 'enclave-2').length >
        4,
      'the news',
    )
    for (let n = 0; n < 3; n += 1) {
      const said = await say(bunker, program, signEvent(program))
      expect(said.error).toContain('not permitted')
    }
  })

  it('hears also of a book that came while it was brought those of before', async () => {
    const bunker = await served()
    let goOn = (): void => undefined
    let isBrought = false
    enclaves.fault('enclave-1', 'bunker.load', () => {
      isBrought = true
      noticed()
      return new Promise<void>((resolve) => (goOn = resolve))
    })
    enclaves.restart('enclave-1')
    await until(() => isBrought, 'the books of before')
    const given = give(bunker, termsOf([]))
    await until(
      () => enclaves.count('bunker.load', 'enclave-0') > 0 && bunker.books.get(1)?.body.serial === 2,
      'a book',
    )
    goOn()
    await given
    const { hosts } = await coordinator.bunker(keyIdOf(bunker))
    for (const { receipt } of hosts) expect(receipt!.body.books.map(({ serial }) => serial)).toEqual([2, 2, 2])
  })

  it('hears also of a program that came while it was away, before it signs for it', async () => {
    const bunker = await served()
    enclaves.kill('enclave-2')
    const program = await connected(bunker)
    enclaves.reach('enclave-2')
    enclaves.kill('enclave-0')
    for (let n = 0; n < 2; n += 1) expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
  })

  it('is not missed: another takes the event', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    enclaves.kill('enclave-0')
    for (let n = 0; n < 3; n += 1) expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
  })

  it('is brought the bunker again when it has restarted, and signs', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const before = enclaves.count('bunker.load', 'enclave-1')
    enclaves.restart('enclave-1')
    // The second time it knows from the others that these books are the newest.
    await until(() => enclaves.count('bunker.load', 'enclave-1') >= before + 2, 'the bunker')
    expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
    enclaves.kill('enclave-0')
    for (let n = 0; n < 2; n += 1) expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
  })

  it('keeps a program waiting when it was the last, and answers it once it is back', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    for (const host of enclaves.ids()) enclaves.kill(host)
    const before = enclaves.calls.length
    relay.put(program.ask('ping', []))
    enclaves.reach('enclave-1')
    expect((await nextAnswer(bunker, program, 1)).result).toBe('pong')
    expect(enclaves.calls.length).toBeGreaterThan(before)
  })

  it.each([
    ['all', [1, 2, 3]],
    ['n − t + 1', [1, 3]],
  ])(
    'and all others restarted: the bunker serves again once %s owners have written their books for these lives',
    async (_, owners) => {
      const bunker = await served()
      const program = await connected(bunker)
      for (const host of enclaves.ids()) enclaves.restart(host)
      const lives = enclaves.ids().map((id) => enclaves.life(id))
      const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, Date.now())
      await give(bunker, termsOf([grant]), owners, lives)
      const loads = enclaves.count('bunker.load')
      for (let n = 0; n < 4; n += 1) expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
      // Each host is brought once more what it could not take, and then left alone.
      expect(enclaves.count('bunker.load') - loads).toBeLessThanOrEqual(6)
    },
  )
})

describe('a relay that drops every connection', () => {
  it('loses no answer, and no request that it keeps', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    for (let n = 1; n <= 5; n += 1) {
      const held = holdAll('bunker.take')
      relay.put(signEvent(program))
      await held.asked()
      relay.drop()
      held.goOn()
      enclaves.forgetFaults()
      relay.put(program.ask('ping', []))
      await relay.heard('both answers', () => answersTo(program, bunker.signer).length === 1 + 2 * n)
    }
  })
})

describe('a flood', () => {
  it('of strangers costs strangers: a program that was served before is served still', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const before = enclaves.count('bunker.take')
    const strangers = Array.from({ length: 150 }, () => startClient(bunker))
    for (const one of strangers) relay.put(one.ask('ping', []))
    expect(signs(await say(bunker, program, signEvent(program)))).toBe(true)
    expect(enclaves.count('bunker.take') - before).toBeLessThanOrEqual(61)
  })

  it('of strangers does not keep out the program that an owner lets in after it', async () => {
    const bunker = await served()
    for (let many = 0; many < 150; many += 1) relay.put(startClient(bunker).ask('ping', []))
    await until(() => enclaves.count('bunker.take') >= 32, 'strangers to be heard')
    const before = enclaves.count('bunker.take')
    await give(bunker, termsOf([grantOf({}, Date.now())]))
    await connected(bunker)
    expect(enclaves.count('bunker.take')).toBeGreaterThan(before)
  })
})
