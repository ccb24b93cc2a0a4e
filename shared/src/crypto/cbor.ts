import { decode as decodeCborg, encode as encodeCborg, Token, Tokenizer, Type, type DecodeOptions } from 'cborg'
import { Refusal } from '../errors.ts'
import { isWholeText } from '../wire/bytes.ts'

const refuse = (): never => {
  throw new Refusal('message.invalid')
}

/** Null tells cborg to write it as it does: of half a surrogate pair U+FFFD, of numbers that are not whole a float. */
const typeEncoders = {
  string: (text: string): null => (isWholeText(text) ? null : refuse()),
  number: (value: number): null => (Number.isSafeInteger(value) ? null : refuse()),
}

/**
 * Deterministic CBOR (RFC 8949 §4.2.1): shortest heads, definite lengths, map keys in bytewise order. cborg sorts shorter
 * keys first, which for keys that are all text, as ours are, is the bytewise order of their encodings, at half the cost.
 * Throws `message.invalid` for text with half a surrogate pair, which has no UTF-8, and for numbers that are not whole.
 */
export const encode = (value: unknown): Uint8Array => encodeCborg(value, { typeEncoders })

/**
 * Decodes what `encode` gives and nothing else, so that one value has one encoding. Maps come as objects. Throws `message.invalid` for
 * everything else, also beyond 32 levels.
 */
export const decode = (bytes: Uint8Array): unknown => read(bytes, false)

/**
 * Decodes what others write: map keys in any order and of any type, and arrays and maps of indefinite length. Heads must be shortest, keys
 * must not repeat, and there are no tags. Maps come as Map. Throws `message.invalid`, also beyond 32 levels.
 */
export const decodeForeign = (bytes: Uint8Array): unknown => read(bytes, true)

function read(bytes: Uint8Array, foreign: boolean): unknown {
  const options: DecodeOptions = {
    strict: true,
    allowIndefinite: foreign,
    allowUndefined: false,
    allowBigInt: false,
    rejectDuplicateMapKeys: true,
    useMaps: foreign,
  }
  // Of a Buffer cborg would give slices that share its memory.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const tokenizer = new StrictTokenizer(plain, options, foreign)
  try {
    return decodeCborg(plain, { ...options, tokenizer })
  } catch {
    return refuse()
  }
}

/** No message of ours has more than ten levels, and no document of the NSM more than four. */
const deepest = 32

/** Fatal, and U+FEFF at the beginning is a character like any other. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Below so many bytes a loop is faster than a decoder. */
const short = 32

/**
 * An array or map that is being read: how many items it still waits for (Infinity: until a break), whether a key comes next, and
 * where in the data its last key stands.
 */
type Open = { left: number; readonly isMap: boolean; keyNext: boolean; keyStart: number; keyEnd: number }

/** cborg's tokenizer with a reader of texts of its own, without floats, with a bound on levels and with ascending keys unless `foreign`. */
class StrictTokenizer extends Tokenizer {
  readonly #foreign: boolean
  readonly #open: Open[] = []

  constructor(bytes: Uint8Array, options: DecodeOptions, foreign: boolean) {
    super(bytes, options)
    this.#foreign = foreign
  }

  override next(): Token {
    const at = this._pos
    const token = ((this.data[at] ?? 0) & 0xe0) === 0x60 ? this.#readText(at) : super.next()
    if (token.type === Type.float) return refuse()
    this.#place(token, at)
    return token
  }

  #readText(at: number): Token {
    const minor = (this.data[at] ?? 0) & 0x1f
    const width = minor < 24 ? 0 : minor <= 26 ? 1 << (minor - 24) : refuse()
    let length = width === 0 ? minor : 0
    for (let i = 1; i <= width; i += 1) length = length * 256 + (this.data[at + i] ?? refuse())
    const shortest = width === 0 || length >= (width === 1 ? 24 : 256 ** (width / 2))
    const start = at + 1 + width
    const end = start + length
    if (!shortest || end > this.data.length) return refuse()
    this._pos = end
    return new Token(Type.string, this.#textOf(start, end), end - at)
  }

  #textOf(start: number, end: number): string {
    if (end - start >= short) return utf8.decode(this.data.subarray(start, end))
    let text = ''
    for (let i = start; i < end; i += 1) {
      const byte = this.data[i] ?? 0
      if (byte >= 0x80) return utf8.decode(this.data.subarray(start, end))
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** Counts an item of the innermost array or map that waits for one, and what the item opens itself. */
  #place({ type, value }: Token, at: number): void {
    const open = this.#open
    let inner = open.at(-1)
    for (; inner?.left === 0; inner = open.at(-1)) open.pop()
    if (type === Type.break) {
      // cborg would take a break for a value.
      if (inner?.left !== Infinity || (inner.isMap && !inner.keyNext)) return refuse()
      open.pop()
      return
    }
    if (inner !== undefined) {
      if (inner.keyNext && !this.#foreign) this.#checkKey(inner, at)
      inner.keyNext = inner.isMap && !inner.keyNext
      inner.left -= 1
    }
    const isMap = type === Type.map
    if (!isMap && type !== Type.array) return
    if (open.length === deepest) return refuse()
    open.push({ left: (isMap ? 2 : 1) * (value as number), isMap, keyNext: isMap, keyStart: 0, keyEnd: 0 })
  }

  /** Bytewise above the key before it. */
  #checkKey(map: Open, at: number): void {
    const { data } = this
    const { keyStart } = map
    const length = map.keyEnd - keyStart
    map.keyStart = at
    map.keyEnd = this._pos
    let same = 0
    while (same < length && data[keyStart + same] === data[at + same]) same += 1
    if (length > 0 && (same === length || (data[keyStart + same] ?? 0) > (data[at + same] ?? 0))) refuse()
  }
}
