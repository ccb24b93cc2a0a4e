import type { Tag } from './hash.ts'
import { digestOf, verifyBody } from './sign.ts'

/** Words whose signature was verified before. The latest are kept. */
export class KnownWords {
  readonly #most: number
  readonly #names = new Set<string>()

  constructor(most: number) {
    this.#most = most
  }

  /** As `verifyBody`. A good word is verified once, however often it comes. */
  async verify(publicKey: string, tag: Tag, word: Readonly<{ body: unknown; signature: string }>): Promise<boolean> {
    const name = `${publicKey}/${word.signature}/${digestOf(tag, word.body)}`
    if (this.#names.has(name)) return true
    if (!(await verifyBody(publicKey, tag, word))) return false
    this.#names.add(name)
    const [oldest] = this.#names
    if (this.#names.size > this.#most && oldest !== undefined) this.#names.delete(oldest)
    return true
  }
}
