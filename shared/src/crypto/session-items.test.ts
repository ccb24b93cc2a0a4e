import { expect, it } from 'vitest'
import { openSignature, sealSignature } from './session-items.ts'

it('opens a signature of the expected length and of no other', () => {
  const secret = new Uint8Array(32).fill(7)
  const signature = new Uint8Array(65).fill(1)
  const sealed = sealSignature(secret, 'a signing', 0, signature)
  expect(openSignature(secret, 'a signing', 0, sealed, 65)).toEqual(signature)
  expect(() => openSignature(secret, 'a signing', 0, sealed, 64)).toThrow(
    expect.objectContaining({ code: 'seal.invalid' }),
  )
})
