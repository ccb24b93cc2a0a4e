import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { toHex } from '@quorate/shared/wire/bytes'

const CHALLENGE_LIVES = 60_000
const MAX_CHALLENGES = 1_024

/** Nonces over which peers are asked for a document. When there are too many, the oldest gives way. */
export type Challenges = Readonly<{
  issue: () => string
  /** A challenge is good once, and for a minute. Throws `attestation.invalid`. */
  spend: (nonce: string) => void
}>

export function createChallenges(clock: () => number): Challenges {
  const challenges = new Map<string, number>()
  return {
    issue() {
      const nonce = toHex(randomBytes(32))
      const oldest = challenges.keys().next().value
      if (challenges.size >= MAX_CHALLENGES && oldest !== undefined) challenges.delete(oldest)
      challenges.set(nonce, clock() + CHALLENGE_LIVES)
      return nonce
    },
    spend(nonce) {
      const until = challenges.get(nonce)
      challenges.delete(nonce)
      if (until === undefined || until <= clock()) throw new Refusal('attestation.invalid')
    },
  }
}
