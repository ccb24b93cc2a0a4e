import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { readUtf8, toHex } from '../wire/bytes.ts'
import type { Field } from './content.ts'

/** Longest part that is shown whole: characters of a text, bytes of what is no text. */
const MAX_CHARACTERS = 2_000
const MAX_BYTES = 256

/**
 * What could make a screen show something else: control, format and other invisible characters, and spaces that are not a space.
 * A backslash that stands where an escape begins is one of them, so that no text can contain what looks like an escape.
 */
const deceptive = /\\(?=u\{)|[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu

/** Text from others as it is safe to show, on one line: each deceptive character is written as `\u{hex of its code point}`. */
export const visible = (text: string): string =>
  text.replace(deceptive, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)

export const digestHex = (bytes: Uint8Array): string => toHex(sha256(bytes))

/** A text as one field, or its beginning with a second field that names its length and digest. */
export function textFields(label: string, text: string): Field[] {
  const characters = Array.from(text)
  if (characters.length <= MAX_CHARACTERS) return [{ label, text: visible(text) }]
  const all = `${MAX_CHARACTERS} of ${characters.length} characters, SHA-256 of all (UTF-8) ${digestHex(utf8ToBytes(text))}`
  return [
    { label, text: `${visible(characters.slice(0, MAX_CHARACTERS).join(''))}…` },
    { label: 'cut', text: all },
  ]
}

/** Bytes as text if they are plain UTF-8, else in hex; as both if only control characters keep the text from being plain. */
export function bytesFields(bytes: Uint8Array): Field[] {
  const text = readUtf8(bytes)
  if (text === null || text === '') return hexFields(bytes)
  return hasControls(text) ? [...textFields('text', text), ...hexFields(bytes)] : textFields('text', text)
}

function hexFields(bytes: Uint8Array): Field[] {
  if (bytes.length <= MAX_BYTES) return [{ label: 'bytes', text: toHex(bytes) || '(none)' }]
  return [
    { label: 'bytes', text: `${toHex(bytes.subarray(0, MAX_BYTES))}…` },
    { label: 'cut', text: `${MAX_BYTES} of ${bytes.length} bytes, SHA-256 of all ${digestHex(bytes)}` },
  ]
}

/** Any control character but tabs and ends of lines. */
const hasControls = (text: string): boolean => /(?![\t\n\r])\p{Cc}/u.test(text)
