import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import { Base64url, Index } from './ids.ts'
import { Certificate } from './certificate.ts'
import { Prepared } from './refresh.ts'

/** A complete certificate with the sealed share of one seat. */
export const ShareInSeat = z.strictObject({ certificate: Certificate, index: Index, sealedShare: Base64url })

/** The same, with the word of each host that it has prepared this version, in the order of indices. */
export const ShareInForce = z.extend(ShareInSeat, {
  prepared: z.array(Prepared).check(z.minLength(1), z.maxLength(mostParticipants)),
})
