import { z } from 'zod'
import { Index, RefreshId } from '../wire/ids.ts'
import { Installed, Prepared, RefreshRequest } from '../wire/refresh.ts'
import { ShareInSeat } from '../wire/share.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { dkgRounds } from './dkg.ts'

const seat = { refreshId: RefreshId, index: Index, attempt: Attempt }

/** Asked of a host whose share of the epoch that the request names is open. */
const begins = z.strictObject({ index: Index, attempt: Attempt, request: RefreshRequest })

/** Gives all hosts of a key new shares of it: a DKG of zero, then all prepare the new epoch, and when open signings have finished, all install it. */
export const refresh = ceremony({
  kind: 'refresh',
  rounds: {
    ...dkgRounds(begins, seat),
    /** Hands out the complete certificate of the next epoch. The host goes on signing at the current one. */
    prepare: { asks: ShareInSeat, says: z.strictObject({ prepared: Prepared }), who: 'all', loss: 'ask_again' },
    /** Open signings finish at the current epoch. */
    hold: { who: 'nobody' },
    /** Shows that all hosts have prepared it. From then on the host signs at the new epoch only. */
    install: {
      asks: ShareInSeat.extend({ prepared: z.array(Prepared).min(1).max(32) }),
      says: z.strictObject({ installed: Installed }),
      who: 'all',
      loss: 'ask_again',
    },
  },
})
