import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { Made } from '@quorate/shared/schemes/scheme'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { describesKey } from '@quorate/shared/verify/certificate'
import { dealtDigest } from '@quorate/shared/verify/dealt'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { Init, Roster, Skeleton } from '@quorate/shared/wire/keygen'
import type { Parts } from '../parts.ts'
import { createTurn } from '../turn.ts'
import { certify, type Certified, type Frame } from './certify.ts'

/** What a dealer made for this host: shares, which are taken out once, of these public keys, which are checked. */
export type DealtShares = Readonly<{ publicKeys: Uint8Array; shares: Map<number, Uint8Array> }>

/**
 * Takes what a dealer sealed to this host, which hosts these participants: the public keys that the skeleton names, for its threshold,
 * participants and group key, all on one polynomial of no lower degree, and a share of each participant. To check a share takes as long as to
 * load one: the first is checked here, each of the others before it is certified. Null for a key that is drawn. Throws
 * `keygen.dealt_invalid`, which names nobody: only who reserved the key can have sealed it.
 */
export function takeDealt(
  mpc: Mpc,
  skeleton: Skeleton,
  hosted: readonly number[],
  dealt: Init['dealt'],
): DealtShares | null {
  if (skeleton.dealt === undefined && dealt === undefined) return null
  if (skeleton.dealt === undefined || dealt === undefined) throw new Refusal('keygen.dealt_invalid')
  const { groupKey, publicKeys: named } = skeleton.dealt
  const publicKeys = fromBase64url(dealt.publicKeys)
  const { isShareOf, needsThreshold } = schemeOf(mpc, skeleton.scheme)
  const isNamed =
    dealtDigest(dealt.publicKeys) === named &&
    describesKey(mpc, { roster: { skeleton }, groupKey, publicKeys: dealt.publicKeys }) &&
    needsThreshold(publicKeys)
  const shares = new Map(dealt.shares.map(({ index, share }) => [index, share]))
  const isWhole = shares.size === dealt.shares.length && shares.size === hosted.length
  const isThere = isWhole && hosted.every((index) => shares.has(index))
  const [first] = hosted.map((index) => ({ index, share: shares.get(index) ?? new Uint8Array() }))
  const isOwn = first !== undefined && isShareOf(first.index, { share: first.share, publicKeys })
  if (!isNamed || !isThere || !isOwn) throw new Refusal('keygen.dealt_invalid')
  return { publicKeys, shares }
}

/**
 * The shares of this host in a dealt key. Each is taken out once. Its answer is given again in whichever attempt, and so is the refusal with
 * which it ended.
 */
export class DealtSeats {
  readonly #parts: Parts
  readonly #dealt: DealtShares
  readonly #turn = createTurn()
  readonly #answers = new Map<number, Certified | Refusal>()
  #frame: Frame | null = null

  constructor(parts: Parts, dealt: DealtShares) {
    this.#parts = parts
    this.#dealt = dealt
  }

  /**
   * `check` gives what is certified. Throws `keygen.roster_mismatch` for another roster than the first, since a dealt key has one, and
   * `keygen.dealt_invalid` for what is no share of the key.
   */
  accept(index: number, check: () => Promise<Frame>): Promise<Certified> {
    return this.#turn(async () => {
      const frame = await check()
      this.#frame ??= frame
      if (this.#frame.ceremony !== frame.ceremony) throw new Refusal('keygen.roster_mismatch')
      const answer = this.#answers.get(index) ?? (await this.#certify(frame, index))
      this.#answers.set(index, answer)
      if (answer instanceof Refusal) throw answer
      return answer
    })
  }

  async #certify(frame: Frame, index: number): Promise<Certified | Refusal> {
    const seat = { index, transcript: transcriptOf(frame.roster), misfit: 'keygen.dealt_invalid' } as const
    const made = this.#take(index)
    try {
      return await certify(this.#parts, frame, seat, made)
    } catch (error) {
      return error instanceof Refusal ? error : new Refusal('enclave.failed')
    }
  }

  #take(index: number): Made {
    const { publicKeys, shares } = this.#dealt
    const share = shares.get(index)
    if (share === undefined) throw new Refusal('keygen.roster_mismatch')
    shares.delete(index)
    return { share, publicKeys }
  }

  begun(): boolean {
    return this.#frame !== null
  }

  finished(): number {
    return [...this.#answers.values()].filter((answer) => !(answer instanceof Refusal)).length
  }

  wipe(): void {
    wipeDealt(this.#dealt)
  }
}

/** Nobody said anything to anybody: what all hosts were given stands in its place. */
function transcriptOf({ skeleton: { dealt } }: Roster) {
  if (dealt === undefined) throw new Refusal('keygen.out_of_order')
  return dealt.publicKeys
}

export function wipeDealt({ shares }: Pick<DealtShares, 'shares'>): void {
  for (const share of shares.values()) share.fill(0)
  shares.clear()
}
