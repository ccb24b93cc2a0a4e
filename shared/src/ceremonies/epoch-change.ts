import * as z from 'zod/mini'
import { Installed, Prepared } from '../wire/refresh.ts'
import { ShareInSeat, ShareInForce } from '../wire/share.ts'

const round = { who: 'all', loss: 'ask_again' } as const

/**
 * The two steps by which all hosts of a key go to a version of it, once they have certified it: the first after a keygen, the next one
 * after a refresh. A host may be asked again.
 */
export const epochChangeRounds = {
  /** Hands out the complete certificate. The host goes on signing at the version before, if there is one. */
  prepare: { ...round, asks: ShareInSeat, says: z.strictObject({ prepared: Prepared }) },
  /** Shows that all hosts have prepared it. From then on the host signs at this version only. */
  install: { ...round, asks: ShareInForce, says: z.strictObject({ installed: Installed }) },
} as const
