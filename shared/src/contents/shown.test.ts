import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytesFields, textFields, visible } from './shown.ts'
import { showContent } from './table.ts'

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

describe('text from others', () => {
  it('is shown with its control and bidi characters as escapes', () => {
    expect(visible('a\u001b[31m\u009b\u202eb\n')).toBe('a\\u{1b}[31m\\u{9b}\\u{202e}b\\u{a}')
    expect(visible('pay\u2066\u200bpal\u2069')).toBe('pay\\u{2066}\\u{200b}pal\\u{2069}')
    expect(visible('grüße 🎉')).toBe('grüße 🎉')
  })

  it('hides nothing in characters without a shape, nor in spaces that are not one', () => {
    expect(visible('a\u3164\u034f\ufe01b')).toBe('a\\u{3164}\\u{34f}\\u{fe01}b')
    expect(visible('a\u00a0b c\u2003d')).toBe('a\\u{a0}b c\\u{2003}d')
    expect(visible('\ud800 alone')).toBe('\\u{d800} alone')
  })

  it('cannot contain what looks like an escape', () => {
    expect(visible('\\u{202e}')).toBe('\\u{5c}u{202e}')
    expect(visible('C:\\users')).toBe('C:\\users')
  })

  it('is cut when it is long, and then named by length and digest', () => {
    const long = 'ü'.repeat(2_001)
    expect(textFields('content', long)).toEqual([
      { label: 'content', text: `${'ü'.repeat(2_000)}…` },
      { label: 'cut', text: `2000 of 2001 characters, SHA-256 of all (UTF-8) ${sha256(long)}` },
    ])
    expect(textFields('content', '🎉'.repeat(2_000))).toHaveLength(1)
  })
})

describe('bytes', () => {
  it('are shown as text if they are plain UTF-8', () => {
    expect(bytesFields(Buffer.from('grüße'))).toEqual([{ label: 'text', text: 'grüße' }])
    expect(bytesFields(Buffer.from('two\nlines\t'))).toEqual([{ label: 'text', text: 'two\\u{a}lines\\u{9}' }])
  })

  it('are shown in hex if they are not: ill-formed, or none', () => {
    expect(bytesFields(Uint8Array.of(0xff, 0x41))).toEqual([{ label: 'bytes', text: 'ff41' }])
    expect(bytesFields(Uint8Array.of(0xc0, 0xaf))).toEqual([{ label: 'bytes', text: 'c0af' }])
    expect(bytesFields(new Uint8Array())).toEqual([{ label: 'bytes', text: '(none)' }])
  })

  it('are shown as both if control characters stand among the text', () => {
    expect(bytesFields(Buffer.from('pay\u001b[2J'))).toEqual([
      { label: 'text', text: 'pay\\u{1b}[2J' },
      { label: 'bytes', text: '7061791b5b324a' },
    ])
  })

  it('are cut when they are long, and then named by length and digest', () => {
    const long = new Uint8Array(257).fill(0xff)
    expect(bytesFields(long)).toEqual([
      { label: 'bytes', text: `${'ff'.repeat(256)}…` },
      { label: 'cut', text: `256 of 257 bytes, SHA-256 of all ${sha256(long)}` },
    ])
  })
})

describe('a content', () => {
  it('of raw bytes says that exactly they are signed', () => {
    const fields = showContent({ type: 'raw', bytes: 'ff' })
    expect(fields).toEqual([
      { label: 'bytes', text: 'ff' },
      { label: 'signed', text: 'exactly this, whatever it means to other software' },
    ])
    expect(showContent({ type: 'bytes', bytes: 'ff' })).toEqual(fields.slice(0, 1))
  })

  it('of a Nostr event shows its kind, time, text and tags', () => {
    const event = { kind: 1, created_at: 1_700_000_000, tags: [['t', '\u202ex']], content: 'gm' }
    expect(showContent({ type: 'nostr-event', event })).toEqual([
      { label: 'Nostr event', text: 'kind 1, created 2023-11-14T22:13:20.000Z' },
      { label: 'content', text: 'gm' },
      { label: 'tag', text: '["t","\\u{202e}x"]' },
    ])
  })

  it('with more tags than anybody reads names their number and digest', () => {
    const tags = Array.from({ length: 51 }, (_, at) => ['p', String(at)])
    const event = { kind: 3, created_at: 9e12, tags, content: '' }
    const fields = showContent({ type: 'nostr-event', event })
    expect(fields).toHaveLength(53)
    expect(fields[0]!.text).toBe('kind 3, created 9000000000000 s after 1970')
    expect(fields.at(-1)!.text).toBe(`50 of 51 tags, SHA-256 of all (JSON) ${sha256(JSON.stringify(tags))}`)
  })
})
