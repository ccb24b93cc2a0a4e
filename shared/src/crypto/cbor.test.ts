import { encode as encodeCborg } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../wire/bytes.ts'
import { decode, decodeForeign, encode } from './cbor.ts'

const refused = { code: 'message.invalid', culprits: [] }
const refusal = (act: () => unknown): unknown => {
  try {
    return { gave: act() }
  } catch (error) {
    return error
  }
}

/** Texts of any length that UTF-8 can write, also those that begin with U+FEFF. */
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('\uFEFF', '\uFFFD', '\0', 'é', '🧡'), fc.string()),
  maxLength: 50,
})
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(null, true, false),
    fc.array(tie('value')),
    fc.dictionary(text, tie('value'), { noNullPrototype: true }),
  ),
}))

describe('what is encoded', () => {
  it('is decoded to the same, whatever it is', () => {
    fc.assert(
      fc.property(value, (any) => {
        expect(decode(encode(any))).toEqual(any)
      }),
    )
  })

  it('has one encoding: whatever else decodes would be encoded as it came', () => {
    const mutated = fc.tuple(value, fc.nat(), fc.nat({ max: 255 })).map(([any, place, byte]) => {
      const bytes = Uint8Array.from(encode(any))
      return bytes.with(place % bytes.length, byte)
    })
    const any = fc.oneof(mutated, fc.uint8Array({ minLength: 1, maxLength: 12 }))
    fc.assert(
      fc.property(any, (bytes) => {
        const given = refusal(() => decode(bytes))
        if (given instanceof Error) expect(given).toMatchObject(refused)
        else expect(toHex(encode((given as { gave: unknown }).gave))).toBe(toHex(bytes))
      }),
      { numRuns: 5_000 },
    )
  })

  it.each(['\uD83E', '\uDDE1', 'a\uD83Eb', '\uDDE1\uD83E'])('is no text with half a surrogate pair: %j', (half) => {
    for (const any of [half, [half], { text: half }, { [half]: 1 }])
      expect(refusal(() => encode(any))).toMatchObject(refused)
  })

  it.each([0.5, NaN, Infinity, -Infinity, 2 ** 53])('is no number that is not a whole one: %d', (number) => {
    expect(refusal(() => encode([number]))).toMatchObject(refused)
  })
})

/** `[what it is, its hex]`. */
const malformed: [string, string][] = [
  ['a byte that is no UTF-8', '61ff'],
  ['an overlong form', '62c0af'],
  ['half a surrogate pair', '63eda0be'],
  ['UTF-8 that is cut', '62f09f'],
  ['the same in a long text', `7840${'61'.repeat(63)}ff`],
  ['the same in a key', 'a161ff00'],
  ['a text that is cut', '6361'],
  ['a text of 4 GiB', '7affffffff'],
  ['a text with a head of eight bytes', '7b000000000000000161'],
  ['a head of two bytes for a short text', '780161'],
  ['a head of three bytes for a text of 24', `790018${'61'.repeat(24)}`],
  ['a head of five bytes for a text of 256', `7a00000100${'61'.repeat(256)}`],
  ['a longer head than is needed', '1801'],
  ['the same key twice', 'a26161006161f6'],
  ['a half float', 'f93800'],
  ['a single float', 'fa3fc00000'],
  ['a double float', 'fb3ff8000000000000'],
  ['a whole number as a float', 'f93c00'],
  ['minus zero', 'f98000'],
  ['NaN', 'f97e00'],
  ['a number beyond 2⁵³', '1b0020000000000000'],
  ['undefined', 'f7'],
  ['a tag', 'c000'],
  ['a break', 'ff'],
  ['a break in the place of a value', 'a16161ff'],
  ['a break in the place of a value of an endless map', 'bf6161ffff'],
  ['a break in an array with a length', '8200ff'],
  ['bytes behind it', '0000'],
  ['nothing', ''],
  ['33 levels of arrays', `${'81'.repeat(33)}00`],
  ['33 levels of maps', `${'a16161'.repeat(33)}00`],
  ['33 levels of both', `${'8182f6a16161'.repeat(11)}00`],
  ['16,000 levels', '81'.repeat(16_000)],
]

describe('a decoder', () => {
  it.each(malformed)('refuses %s, in our messages and in those of others', (_, hex) => {
    expect(refusal(() => decode(fromHex(hex)))).toMatchObject(refused)
    expect(refusal(() => decodeForeign(fromHex(hex)))).toMatchObject(refused)
  })

  it.each([
    ['a key before a lower one', 'a2616200616100', new Map(Object.entries({ b: 0, a: 0 }))],
    ['a long key before a short one', 'a262616100616200', new Map(Object.entries({ aa: 0, b: 0 }))],
    ['an endless array', '9f80ff', [[]]],
    ['an endless map', 'bf6161a0ff', new Map([['a', new Map()]])],
    ['a key that is a number', 'a10000', new Map([[0, 0]])],
  ])('refuses %s in our messages and takes it from others', (_, hex, expected) => {
    expect(refusal(() => decode(fromHex(hex)))).toMatchObject(refused)
    expect(decodeForeign(fromHex(hex))).toEqual(expected)
  })

  it('takes 32 levels, and as many things beside each other as there are', () => {
    for (const levels of ['81'.repeat(32), 'a16161'.repeat(32)]) {
      expect(() => decode(fromHex(`${levels}00`))).not.toThrow()
      expect(() => decodeForeign(fromHex(`${levels}00`))).not.toThrow()
    }
    const wide = Array.from({ length: 100 }, () => [[], {}, [[0]]])
    expect(decode(encode(wide))).toEqual(wide)
  })

  it.each(['', 'x', 'x'.repeat(100)])('keeps U+FEFF at the beginning of a text and of a key, before %j', (rest) => {
    const marked = { [`\uFEFF${rest}`]: `\uFEFF\uFEFF${rest}` }
    expect(decode(encode(marked))).toEqual(marked)
    expect(decodeForeign(encode(marked))).toEqual(new Map(Object.entries(marked)))
  })

  it('gives bytes of their own, also when it reads a Buffer', () => {
    const bytes = Buffer.from(encode(Uint8Array.of(1, 2, 3)))
    const decoded = decode(bytes)
    bytes.fill(0)
    expect(decoded).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('knows `__proto__` as a key like any other', () => {
    const bytes = encodeCborg(new Map([['__proto__', 1]]))
    const decoded = decode(bytes) as object
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(encode(decoded)).toEqual(bytes)
  })
})
