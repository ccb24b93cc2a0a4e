import { lineageOf } from '@quorate/shared/verify/certificate'
import type { Terms } from '../engine/course.ts'
import type { Mend } from '../engine/ask.ts'
import { restoreShare } from '../keys/restore-share.ts'
import type { Tools } from './tools.ts'

/** Gives a host its share again. */
export const shareForgotten = <T extends Terms>(tools: Tools): Mend<T> => [
  'key.unknown',
  (s, seat) => restoreShare({ ...tools, loadKey: tools.keys.load }, s.keyId, seat),
]

/** Lets a host hear from the others which epoch is in force. */
export const epochForgotten = <T extends Terms>(tools: Tools): Mend<T> => [
  'epoch.unproven',
  async (s, seat) => {
    const { keyId, seats } = s
    const { certificate } = (await tools.keys.load(keyId)).verified
    await tools.recall(seat, { keyId, lineage: lineageOf(certificate) }, seats)
  },
]
