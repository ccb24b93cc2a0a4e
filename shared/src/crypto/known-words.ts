import { fromHex, toHex } from '../wire/bytes.ts'
import { taggedHash, type Tag } from './hash.ts'
import { verifyEd25519 } from './sign.ts'

type Word = Readonly<{ body: unknown; signature: string }>

/** Words whose signature was verified before. The latest are kept. */
export class KnownWords {
  readonly #most: number
  readonly #verify: typeof verifyEd25519
  readonly #names = new Set<string>()

  constructor(most: number, verify = verifyEd25519) {
    this.#most = most
    this.#verify = verify
  }

  /** As `verifyBody`. A good word is verified once, however often it comes. */
  async verify(publicKey: string, tag: Tag, word: Word): Promise<boolean> {
    return (await this.signerOf([publicKey], tag, word)) !== null
  }

  /** Under which of these keys (hex) it was signed; null for none. */
  async signerOf<K extends string>(publicKeys: readonly K[], tag: Tag, word: Word): Promise<K | null> {
    const { body, signature } = word
    const hash = taggedHash(tag, body)
    const nameOf = (publicKey: string) => `${publicKey}/${signature}/${toHex(hash)}`
    const known = publicKeys.find((one) => this.#names.has(nameOf(one)))
    if (known !== undefined) return known
    for (const publicKey of publicKeys) {
      if (!(await this.#verify(fromHex(publicKey), hash, fromHex(signature)))) continue
      this.#add(nameOf(publicKey))
      return publicKey
    }
    return null
  }

  #add(name: string): void {
    this.#names.add(name)
    const [oldest] = this.#names
    if (this.#names.size > this.#most && oldest !== undefined) this.#names.delete(oldest)
  }
}
