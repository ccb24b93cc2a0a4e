import { describe, expect, it } from 'vitest'
import { readAll, readUnsigned } from '../src/attestation/der.ts'

const refused = { code: 'attestation.invalid', culprits: [] }

describe('DER', () => {
  it('is read as it is written, and in no second way', () => {
    expect(readAll(Uint8Array.of(4, 1, 9, 5, 0)).map(({ contents }) => [...contents])).toEqual([[9], []])
    expect(readAll(Uint8Array.of(4, 0x81, 0x80, ...new Uint8Array(128)))).toHaveLength(1)
  })

  it.each([
    ['a length in a longer form', [4, 0x81, 1, 9]],
    ['a length with a leading zero', [4, 0x82, 0, 0x80, ...new Uint8Array(128)]],
    ['an indefinite length', [0x30, 0x80, 0, 0]],
    ['a length of 4 GiB', [4, 0x84, 0xff, 0xff, 0xff, 0xff]],
    ['a length beyond the end', [4, 2, 9]],
    ['a tag of several octets', [0x1f, 0x81, 1, 0]],
    ['a tag alone', [4]],
  ])('is refused with %s', (_, bytes) => {
    expect(() => readAll(Uint8Array.from(bytes))).toThrow(expect.objectContaining(refused) as Error)
  })

  it.each([
    ['negative', [2, 1, 0x80]],
    ['empty', [2, 0]],
    ['padded', [2, 2, 0, 0x7f]],
    ['too wide', [2, 3, 1, 2, 3]],
  ])('has no number that is %s', (_, bytes) => {
    expect(() => readUnsigned(readAll(Uint8Array.from(bytes))[0], 2)).toThrow(expect.objectContaining(refused) as Error)
  })
})
