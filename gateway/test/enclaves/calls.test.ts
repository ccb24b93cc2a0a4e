import { encodeFrame } from '@quorate/shared/wire/frame'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import { replyFrame, type FakeEnclave } from './fake-enclave.ts'
import { ask, callsOf, closeAll, codeOf, nonce, readyOne, readyPool, watchful } from './pool-of-fakes.ts'

afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

describe('calls', () => {
  it('carries many at once over few connections, whatever the order of the answers', async () => {
    const { fake, enclaves } = await readyOne()
    const waiting: (() => void)[] = []
    fake.on['attest'] = async ({ params }) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return {
        result: { identity: fake.identity, presence: fake.presence, document: String(params['nonce']).slice(-4) },
      }
    }
    const nonces = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(64, '0'))
    const answers = Promise.all(nonces.map((n) => enclaves.ask(fake.id, 'attest', { nonce: n })))
    await until(() => waiting.length === 100 && fake.sockets.size > 1)
    for (const resolve of waiting.reverse()) resolve()
    expect((await answers).map(({ document }) => document)).toEqual(nonces.map((n) => n.slice(-4)))
    expect(fake.sockets.size).toBe(2)
  })

  it('passes on what the enclave refused with, and its culprits', async () => {
    const { fake, enclaves } = await readyOne()
    fake.on['attest'] = () => ({ refusal: { code: 'keygen.bad_package', culprits: [2, 3] } })
    await expect(ask(enclaves, fake)).rejects.toMatchObject({ code: 'keygen.bad_package', culprits: [2, 3] })
  })

  it.each(['request.unauthorized', 'internal', 'store.failed', 'no.such.code', '__proto__', 'constructor'])(
    'does not let an enclave speak in the name of the gateway: %s',
    async (code) => {
      const { fake, enclaves } = await readyOne()
      fake.on['attest'] = () => ({ refusal: { code, culprits: [] } })
      expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    },
  )

  it('takes no answer that does not fit the schema of the method', async () => {
    const { fake, enclaves } = await readyOne()
    for (const result of [{}, null, { identity: fake.identity, presence: fake.presence, document: '!' }, { nonce }]) {
      fake.on['attest'] = () => ({ result })
      expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    }
  })

  it('takes no answer that is not CBOR, and serves on', async () => {
    const { fake, enclaves } = await readyOne()
    const { attest } = fake.on
    fake.on['attest'] = ({ id, socket }) => {
      socket.write(encodeFrame({ id, deadline: 0, body: Uint8Array.of(0xff, 0xff) }))
      return null
    }
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    fake.on['attest'] = attest!
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('ends by its deadline, tells the enclave that deadline, and ignores what comes later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { fake, enclaves } = await readyOne({ connectionsPerEnclave: 1 })
    const { attest } = fake.on
    let late = () => {}
    fake.on['attest'] = ({ id, socket }) => {
      late = () =>
        void socket.write(
          replyFrame(id, { result: { identity: fake.identity, presence: fake.presence, document: 'bGF0ZQ' } }),
        )
      return null
    }
    const asked = codeOf(ask(enclaves, fake, 80))
    await until(() => callsOf(fake, 'attest').length === 1)
    vi.advanceTimersByTime(80)
    expect(await asked).toBe('enclave.timeout')
    expect(callsOf(fake, 'attest')[0]?.deadline).toBeLessThanOrEqual(80)
    fake.on['attest'] = attest!
    late()
    const next = await ask(enclaves, fake)
    expect(next.identity).toEqual(fake.identity)
    expect(next.document).not.toBe('bGF0ZQ')
  })

  it('takes an answer that was there by the deadline, when the gateway was at work until after it', async () => {
    const { fake, enclaves } = await readyOne({ connectionsPerEnclave: 1 })
    const deadline = 100
    fake.on['attest'] = ({ id, socket }) => {
      const result = { identity: fake.identity, presence: fake.presence, document: 'b25jZQ' }
      socket.write(replyFrame(id, { result }))
      const over = performance.now() + 2 * deadline
      while (performance.now() < over);
      return null
    }
    expect(await codeOf(ask(enclaves, fake, deadline))).toBe('resolved')
  })

  it('makes questions when there is room for them, and refuses none that is long', async () => {
    const { fake, enclaves, told } = await readyOne({ connectionsPerEnclave: 1, ...watchful })
    let made = 0
    const long = {
      get nonce() {
        made += 1
        return '0'.repeat(2 << 20)
      },
    }
    const answers = Array.from({ length: 20 }, () => codeOf(enclaves.ask(fake.id, 'attest', long)))
    expect(made).toBeLessThan(5)
    fake.on['attest'] = () => ({
      result: { identity: fake.identity, presence: fake.presence, document: 'b25jZQ' },
    })
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'resolved'))
    expect(made).toBe(20)
    expect(told.map(({ type }) => type)).toEqual(['ready'])
  })

  it('fails a question that is too long, and asks the next ones', async () => {
    const { fake, enclaves } = await readyOne()
    const tooLong = enclaves.ask(fake.id, 'attest', { nonce: '0'.repeat(5 << 20) })
    expect(await codeOf(tooLong)).toBe('frame.invalid')
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('ignores answers to ids that nobody asked for or that are answered already', async () => {
    const { fake, enclaves } = await readyOne({ connectionsPerEnclave: 1 })
    fake.on['attest'] = ({ id, socket }) => {
      const answer = (document: string) => ({ result: { identity: fake.identity, presence: fake.presence, document } })
      for (const stranger of [id + 1, id + 1000, 0xffffffff]) socket.write(replyFrame(stranger, answer('d3Jvbmc')))
      socket.write(replyFrame(id, answer('cmlnaHQ')))
      socket.write(replyFrame(id, answer('dHdpY2U')))
      return null
    }
    expect((await ask(enclaves, fake)).document).toBe('cmlnaHQ')
    expect((await ask(enclaves, fake)).document).toBe('cmlnaHQ')
  })

  it('never lets an answer on one enclave end a call to another', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { fakes, enclaves } = await readyPool(['a', 'b'], { connectionsPerEnclave: 1 })
    const [a, b] = fakes as [FakeEnclave, FakeEnclave]
    a.on['attest'] = () => null
    b.on['attest'] = ({ socket }) => {
      for (let id = 0; id < 200; id += 1)
        socket.write(replyFrame(id, { result: { identity: b.identity, presence: b.presence, document: 'ZnJvbWI' } }))
      return null
    }
    const both = Promise.allSettled([ask(enclaves, a, 150), ask(enclaves, b)])
    // Its answer to the second one comes behind all of those to nobody.
    await ask(enclaves, b)
    vi.advanceTimersByTime(150)
    const [toA, toB] = await both
    expect(toA).toMatchObject({ status: 'rejected', reason: { code: 'enclave.timeout' } })
    expect(toB).toMatchObject({ status: 'fulfilled', value: { document: 'ZnJvbWI' } })
  })

  it('refuses an enclave that it does not know', async () => {
    const { enclaves } = await readyOne()
    expect(await codeOf(enclaves.ask(EnclaveId.parse('nobody'), 'challenge', {}))).toBe('enclave.unreachable')
    expect(enclaves.status(EnclaveId.parse('nobody'))).toEqual({ state: 'down', identity: null, sealing: null })
  })
})
