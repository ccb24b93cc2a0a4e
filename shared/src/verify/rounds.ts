import { verifyBody } from '../crypto/sign.ts'
import type { Digest } from '../wire/ids.ts'
import type { RoundOne, RoundTwo, Skeleton } from '../wire/keygen.ts'

/*
 * Is a message of a DKG the word of its sender's host, for this very ceremony and attempt? What is not may be the doing of whoever
 * carried it, and accuses nobody.
 */

/** What all messages of one attempt have in common. `ceremony`: D, or the digest of the request for a refresh. */
export type RoundFrame = Readonly<{ skeleton: Skeleton; ceremony: Digest; attempt: number }>

const isWordOf = (
  { skeleton, ceremony, attempt }: RoundFrame,
  from: number,
  tag: 'round-one' | 'round-two',
  message: RoundOne | RoundTwo,
): Promise<boolean> => {
  const { body } = message
  const signKey = skeleton.participants[from - 1]?.host.identity.signKey
  const fits =
    body.from === from && body.keyId === skeleton.keyId && body.ceremony === ceremony && body.attempt === attempt
  return signKey !== undefined && fits ? verifyBody(signKey, tag, message) : Promise.resolve(false)
}

export const isRoundOneOf = (frame: RoundFrame, from: number, message: RoundOne): Promise<boolean> =>
  isWordOf(frame, from, 'round-one', message)

export const isRoundTwoOf = (frame: RoundFrame, from: number, message: RoundTwo): Promise<boolean> =>
  isWordOf(frame, from, 'round-two', message)
