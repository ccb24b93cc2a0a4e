import { createHash } from 'node:crypto'

const sha256 = (...parts: (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash: ReturnType<typeof createHash>, part) => hash.update(part), createHash('sha256')).digest()

/** What a signature of content of type `bytes` is over, by Node's own SHA-256 and the words of docs/protocol.md. */
export function hashOfBytes(bytes: string | Uint8Array): Uint8Array {
  const tag = sha256('quorate/bytes/v1')
  return sha256(tag, tag, bytes)
}
