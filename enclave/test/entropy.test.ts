import { randomBytes } from 'node:crypto'
import { encode } from '@quorate/shared/crypto/cbor'
import { describe, expect, it } from 'vitest'
import { addEntropy, checkEntropy, seedEntropy } from '../src/platform/entropy.ts'
import { createNsm } from '../src/platform/nsm.ts'

const good = () => new Uint8Array(randomBytes(256))
const bytes = (value: (at: number) => number) => Uint8Array.from({ length: 256 }, (_, at) => value(at))

describe('randomness', () => {
  it('of a good source passes', () => {
    for (let n = 0; n < 500; n += 1) checkEntropy('source', [good(), good()])
  })

  it.each<[string, () => Uint8Array[]]>([
    ['is all zero', () => [bytes(() => 0), bytes(() => 0)]],
    ['is stuck', () => [good(), good().fill(7, 100, 106)]],
    ['is the same twice', () => Array<Uint8Array>(2).fill(good())],
    ['repeats within a draw', () => [bytes((at) => (at * 37) % 128), good()]],
    [
      'comes again at another place',
      () => [good(), good()].map((draw) => (draw.set(bytes((at) => at).subarray(0, 16), 0), draw)),
    ],
    ['favours a byte', () => [good(), bytes((at) => (at % 8 === 0 ? 65 : (randomBytes(1)[0] ?? 0)))]],
    ['is short', () => [good(), good().subarray(1)]],
    ['comes once', () => [good()]],
    ['does not come', () => []],
  ])('that %s is refused', (_, draws) => {
    expect(() => checkEntropy('source', draws())).toThrow('source: ')
  })
})

describe('seeding the kernel', () => {
  /** An NSM that draws these, one after the other. */
  const drawing = (...draws: Uint8Array[]) =>
    createNsm(() => {
      const random = draws.shift()
      return Promise.resolve(encode(random ? { GetRandom: { random } } : { Error: 'InternalError' }))
    })

  it('mixes in what the NSM gave', async () => {
    const draws = [good(), good()]
    const added: Uint8Array[] = []
    await seedEntropy(drawing(...draws), (given) => added.push(given.slice()))
    expect(added).toEqual(draws)
  })

  it.each<[string, () => Uint8Array[]]>([
    ['repeats', () => Array<Uint8Array>(2).fill(good())],
    ['is stuck', () => [bytes(() => 255), bytes(() => 255)]],
    ['fails', () => [good()]],
  ])('stops when the NSM %s, and mixes nothing in', async (_, draws) => {
    const added: Uint8Array[] = []
    await expect(seedEntropy(drawing(...draws()), (given) => added.push(given))).rejects.toThrow()
    expect(added).toEqual([])
  })

  it('stops when the kernel does not take it', async () => {
    const refuse = () => {
      throw new Error('EPERM: /dev/random')
    }
    await expect(seedEntropy(drawing(good(), good()), refuse)).rejects.toThrow('EPERM')
  })

  it.skipIf(process.platform !== 'linux')('is taken by this kernel, from anybody', () => {
    expect(() => addEntropy(good())).not.toThrow()
  })
})
