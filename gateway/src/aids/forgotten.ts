import type { RefusalCode } from '@quorate/shared/errors'
import { lineageOf } from '@quorate/shared/verify/certificate'
import type { Terms } from '../engine/course.ts'
import type { Mend } from '../engine/ask.ts'
import { restoreShare } from '../keys/restore-share.ts'
import type { Tools } from './tools.ts'

/** Gives a host its share again. */
export const shareForgotten = <T extends Terms>(tools: Tools): Mend<T> => [
  'key.unknown',
  (s, seat) => restoreShare(tools, s.keyId, seat),
]

/** Lets a host hear from the others what happened before it restarted. */
const heardOfOthers =
  (code: RefusalCode) =>
  <T extends Terms>(tools: Tools): Mend<T> => [
    code,
    async (s, seat) => {
      const { keyId, seats } = s
      const { certificate } = (await tools.keys.load(keyId)).verified
      const restore = (peer: typeof seat) => restoreShare(tools, keyId, peer)
      await tools.recall(seat, { keyId, lineage: lineageOf(certificate), restore }, seats)
    },
  ]

/** Gives a host the bunker of its key again: the signer's secret, or books that are the newest. */
export const bunkerForgotten =
  (code: 'nostr.signer_unknown' | 'book.unproven') =>
  <T extends Terms>({ bunkers }: Tools): Mend<T> => [code, (s, { host }) => bunkers.restore(s.keyId, host)]

/** Which epoch is in force. */
export const epochForgotten = heardOfOthers('epoch.unproven')

/** How often grants were used. */
export const usesForgotten = heardOfOthers('grant.unproven')
