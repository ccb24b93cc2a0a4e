import { expect, it } from 'vitest'
import { keepNonces } from './nonces.ts'

it('gives its nonces away once, and never again', () => {
  const nonces = keepNonces([Uint8Array.of(1, 2, 3)])
  expect(nonces.take()).toEqual([Uint8Array.of(1, 2, 3)])
  expect(() => nonces.take()).toThrow('used and is gone')
})

it('wipes what was not taken, and leaves to its taker what was', () => {
  const unused = Uint8Array.of(1, 2, 3)
  const nonces = keepNonces([unused])
  nonces.destroy()
  expect(unused).toEqual(new Uint8Array(3))
  expect(() => nonces.take()).toThrow('used and is gone')
  const taken = Uint8Array.of(4)
  const others = keepNonces([taken])
  others.take()
  others.destroy()
  expect(taken).toEqual(Uint8Array.of(4))
})
