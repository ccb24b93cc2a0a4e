/** One BER element (X.690): its tag octet, and either its contents or, when constructed, its parts. */
export type Ber = Readonly<{ tag: number; contents: Uint8Array; parts: readonly Ber[] }>

const constructed = 0x20
const deepest = 16

const malformed = (): never => {
  throw new RangeError('malformed BER')
}

/**
 * Reads one BER element that fills `bytes` exactly, of definite or indefinite length, with one-octet tags. Throws a
 * RangeError for anything else, and beyond 16 levels.
 */
export function readBer(bytes: Uint8Array): Ber {
  const { element, end } = readElement(bytes, 0, 0)
  return end === bytes.length ? element : malformed()
}

function readElement(bytes: Uint8Array, at: number, depth: number): { element: Ber; end: number } {
  const tag = bytes[at] ?? malformed()
  if ((tag & 0x1f) === 0x1f || tag === 0 || depth > deepest) return malformed()
  const first = bytes[at + 1] ?? malformed()
  if (first === 0x80) return readIndefinite(bytes, at, depth)
  const octets = first < 0x80 ? 0 : first & 0x7f
  if (octets > 3) return malformed()
  let length = octets === 0 ? first : 0
  for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + 2 + i] ?? malformed())
  const start = at + 2 + octets
  const end = start + length
  if (end > bytes.length) return malformed()
  const contents = bytes.subarray(start, end)
  return { element: { tag, contents, parts: (tag & constructed) === 0 ? [] : readParts(contents, depth) }, end }
}

function readParts(contents: Uint8Array, depth: number): Ber[] {
  const parts: Ber[] = []
  for (let at = 0; at < contents.length;) {
    const { element, end } = readElement(contents, at, depth + 1)
    parts.push(element)
    at = end
  }
  return parts
}

/** Until the end-of-contents octets, 00 00. */
function readIndefinite(bytes: Uint8Array, at: number, depth: number): { element: Ber; end: number } {
  const tag = bytes[at] ?? malformed()
  if ((tag & constructed) === 0) return malformed()
  const parts: Ber[] = []
  let next = at + 2
  while (bytes[next] !== 0) {
    const { element, end } = readElement(bytes, next, depth + 1)
    parts.push(element)
    next = end
  }
  if (bytes[next + 1] !== 0) return malformed()
  return { element: { tag, contents: bytes.subarray(at + 2, next), parts }, end: next + 2 }
}
