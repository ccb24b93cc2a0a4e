import { describe, expect, it } from 'vitest'
import { crc32c } from './crc32c.ts'

describe('CRC-32C', () => {
  it('has its published check value', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283)
  })

  it.each<[string, Uint8Array, number]>([
    ['32 bytes of zero', new Uint8Array(32), 0x8a91_36aa],
    ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
    ['32 ascending bytes', Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd_794e],
    ['32 descending bytes', Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113f_db5c],
    ['nothing', new Uint8Array(0), 0],
  ])('is what RFC 3720 §B.4 says of %s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })
})
