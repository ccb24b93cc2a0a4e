import { z } from 'zod'
import { Base64url, Index } from './ids.ts'
import { Certificate } from './certificate.ts'

/** A complete certificate with the sealed share of one seat. */
export const ShareInSeat = z.strictObject({ certificate: Certificate, index: Index, sealedShare: Base64url })
