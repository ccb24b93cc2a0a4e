import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrameReader, encodeFrame, MAX_BODY, type Frame } from './frame.ts'

const frame = fc.record({
  id: fc.nat(0xffff_ffff),
  deadline: fc.nat(0xffff_ffff),
  body: fc.uint8Array({ maxLength: 300 }),
})

/** Cuts bytes at the given places, in any order and number. */
function chunk(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, at) => bytes.subarray(from, places[at] ?? bytes.length))
}

const lengthField = (length: number) => {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

describe('a frame reader', () => {
  it('finds every frame again, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encodeFrame))
        const read = createFrameReader()
        const found: Frame[] = chunk(stream, cuts).flatMap((part) => read(part))
        expect(found).toEqual(frames)
      }),
    )
  })

  it('finds frames that come byte by byte, and two in one chunk', () => {
    const two = Buffer.concat([1, 2].map((id) => encodeFrame({ id, deadline: 5, body: Uint8Array.of(id) })))
    const slow = createFrameReader()
    expect([...two].flatMap((byte) => slow(Uint8Array.of(byte))).map(({ id }) => id)).toEqual([1, 2])
    expect(createFrameReader()(two).map(({ id }) => id)).toEqual([1, 2])
  })

  it.each([0, 7, MAX_BODY + 9, 2 ** 30, 2 ** 32 - 1])('refuses a length of %d before it waits for a body', (length) => {
    expect(() => createFrameReader()(lengthField(length))).toThrow(expect.objectContaining({ code: 'frame.invalid' }))
  })

  it('takes the longest body, also in small chunks, in linear time', () => {
    const body = new Uint8Array(MAX_BODY).fill(7)
    const stream = encodeFrame({ id: 1, deadline: 0, body })
    const read = createFrameReader()
    let found: Frame[] = []
    for (let at = 0; at < stream.length; at += 64) found = [...found, ...read(stream.subarray(at, at + 64))]
    expect(found).toHaveLength(1)
    expect(found[0]?.body.length).toBe(MAX_BODY)
    expect(() => encodeFrame({ id: 1, deadline: 0, body: new Uint8Array(MAX_BODY + 1) })).toThrow()
  })
})
