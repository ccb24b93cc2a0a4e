import { createServer, type AddressInfo, type Server } from 'node:net'
import { MAX_BODY } from '@quorate/shared/wire/frame'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEnclaves } from '../../src/hosts/enclaves/pool.ts'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import { replyFrame, type FakeEnclave } from './fake-enclave.ts'
import { ask, callsOf, closeAll, codeOf, isReady, opens, readyOne, readyPool, watchful } from './pool-of-fakes.ts'
import { memoryRoots, recordedEvents } from './recording.ts'

afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

/** From now on a deadline passes when the test says so. */
const holdDeadlines = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })

describe('hostile streams', () => {
  const raw = (fake: FakeEnclave, bytes: Uint8Array) => {
    fake.on['attest'] = ({ socket }) => {
      socket.write(bytes)
      return null
    }
  }

  it.each([0, 7, 0xffffffff, MAX_BODY + 9])('drops the stream at a length of %d and comes back', async (length) => {
    const { fake, enclaves } = await readyOne()
    const { attest } = fake.on
    const header = new Uint8Array(12)
    new DataView(header.buffer).setUint32(0, length)
    raw(fake, header)
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.unreachable')
    fake.on['attest'] = attest!
    await until(() => fake.sockets.size === 2 && isReady(enclaves, fake))
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('understands a peer that sends byte by byte', async () => {
    const { fake, enclaves } = await readyOne()
    fake.on['attest'] = async ({ id, socket }) => {
      socket.setNoDelay(true)
      for (const byte of replyFrame(id, {
        result: { identity: fake.identity, presence: fake.presence, document: 'c2xvdw' },
      })) {
        socket.write(Uint8Array.of(byte))
        await turn()
      }
      return null
    }
    expect((await ask(enclaves, fake)).document).toBe('c2xvdw')
  })

  it('understands two frames in one read', async () => {
    const { fake, enclaves } = await readyOne({ connectionsPerEnclave: 1 })
    const ids: number[] = []
    fake.on['attest'] = ({ id, socket }) => {
      ids.push(id)
      if (ids.length === 2)
        socket.write(
          Buffer.concat(
            ids.map((n) =>
              replyFrame(n, { result: { identity: fake.identity, presence: fake.presence, document: 'YmF0Y2g' } }),
            ),
          ),
        )
      return null
    }
    const both = await Promise.all([ask(enclaves, fake), ask(enclaves, fake)])
    expect(both.map(({ document }) => document)).toEqual(['YmF0Y2g', 'YmF0Y2g'])
  })

  it('ends the calls of a stream that is reset in mid-call, at once', async () => {
    holdDeadlines()
    const { fake, enclaves } = await readyOne()
    fake.on['attest'] = ({ socket }) => {
      socket.resetAndDestroy()
      return null
    }
    expect(await codeOf(ask(enclaves, fake, 5_000))).toBe('enclave.unreachable')
  })

  it('waits no longer than it should for an enclave that accepts and says nothing', async () => {
    holdDeadlines()
    let asked = 0
    const silent: Server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.once('data', () => {
        asked += 1
        noticed()
      })
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    opens({ close: () => new Promise((resolve) => silent.close(() => resolve())) })
    const { port } = silent.address() as AddressInfo
    const id = EnclaveId.parse('mute')
    const enclaves = createEnclaves({
      addresses: new Map([[id, { kind: 'tcp', host: '127.0.0.1', port }]]),
      roots: memoryRoots(),
      events: recordedEvents(),
      timing: { healthMs: 3_000, connectMs: 60_000, connectionsPerEnclave: 1, backOff: { first: 5, longest: 40 } },
    })
    await until(() => asked === 1, 'the question')
    vi.advanceTimersByTime(3_000)
    await until(() => asked === 2, 'the question on another connection')
    expect(enclaves.status(id).state).toBe('down')
    expect(await codeOf(enclaves.ask(id, 'challenge', {}))).toBe('enclave.unreachable')
    // It does not wait for the answer to `hello`, whose deadline does not pass.
    await enclaves.close()
  })
})

describe('one bad enclave', () => {
  it('that is stuck harms nobody else and is refused once it holds enough', async () => {
    holdDeadlines()
    const { fakes, enclaves } = await readyPool(['a', 'b'], { inFlightPerEnclave: 20 })
    const [stuck, well] = fakes as [FakeEnclave, FakeEnclave]
    stuck.on = {}
    let ended = 0
    const held = Array.from({ length: 20 }, () => codeOf(ask(enclaves, stuck, 1_000)).finally(() => (ended += 1)))
    expect(await codeOf(ask(enclaves, stuck))).toBe('enclave.busy')
    const served = await Promise.all(Array.from({ length: 20 }, () => codeOf(ask(enclaves, well))))
    expect(served).toEqual(Array(20).fill('resolved'))
    expect(ended).toBe(0)
    vi.advanceTimersByTime(1_000)
    expect(await Promise.all(held)).toEqual(Array(20).fill('enclave.timeout'))
  })

  it('takes calls again after those that it let time out', async () => {
    holdDeadlines()
    const { fake, enclaves } = await readyOne({ inFlightPerEnclave: 2 })
    const { attest } = fake.on
    delete fake.on['attest']
    for (let n = 0; n < 4; n += 1) {
      const asked = codeOf(ask(enclaves, fake, 20))
      await until(() => callsOf(fake, 'attest').length === n + 1)
      vi.advanceTimersByTime(20)
      expect(await asked).toBe('enclave.timeout')
    }
    fake.on['attest'] = attest!
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  /** An enclave that answers nothing more, and has a hello before it. */
  async function silenced() {
    holdDeadlines()
    const pool = await readyOne({ ...watchful, connectionsPerEnclave: 1, healthMs: 3_000 })
    const { fake } = pool
    const { on } = fake
    fake.on = {}
    const hellos = async (more: number) => {
      const before = callsOf(fake, 'hello').length
      await until(() => callsOf(fake, 'hello').length >= before + more, 'a hello that is not answered')
    }
    return { ...pool, on, hellos }
  }

  it('that no longer answers hello goes down', async () => {
    const { fake, enclaves, told, hellos } = await silenced()
    vi.advanceTimersByTime(5)
    await hellos(1)
    vi.advanceTimersByTime(3_000)
    await until(() => enclaves.status(fake.id).state === 'down')
    expect(told.at(-1)).toEqual({ type: 'down', host: fake.id })
    expect(enclaves.status(fake.id).identity).toEqual(fake.identity)
  })

  it('that is late with hello is not given up while it is at work within the time of a call', async () => {
    const { fake, enclaves, told, on, hellos } = await silenced()
    const asked = ask(enclaves, fake, 20_000)
    await until(() => callsOf(fake, 'attest').length === 1)
    vi.advanceTimersByTime(5)
    await hellos(1)
    for (let late = 0; late < 3; late += 1) {
      const again = hellos(1)
      vi.advanceTimersByTime(3_000)
      await again
    }
    expect(isReady(enclaves, fake)).toBe(true)
    fake.on = on
    const [call] = callsOf(fake, 'attest')
    call!.socket.write(
      replyFrame(call!.id, { result: { identity: fake.identity, presence: fake.presence, document: 'bGF0ZQ' } }),
    )
    expect((await asked).document).toBe('bGF0ZQ')
    expect(told.map(({ type }) => type)).toEqual(['ready'])
  })

  it('that answers nothing goes down when the calls that it had taken are over, whatever it is asked meanwhile', async () => {
    const { fake, enclaves, hellos } = await silenced()
    const first = codeOf(ask(enclaves, fake, 5_000))
    vi.advanceTimersByTime(5)
    await hellos(1)
    const again = hellos(1)
    vi.advanceTimersByTime(3_000)
    await again
    const second = codeOf(ask(enclaves, fake, 60_000))
    vi.advanceTimersByTime(3_000)
    expect(await first).toBe('enclave.timeout')
    expect(await second).toBe('enclave.unreachable')
    await until(() => enclaves.status(fake.id).state === 'down')
  })

  it('that says locked has restarted unheard: it is asked anew and used again', async () => {
    const { fake, enclaves, told } = await readyOne()
    const { attest } = fake.on
    fake.on['attest'] = () => ({ refusal: { code: 'enclave.locked', culprits: [] } })
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.locked')
    fake.on['attest'] = attest!
    await until(() => told.map(({ type }) => type).join(' ') === 'ready down ready')
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })
})
