import * as z from 'zod/mini'
import { Index, RefreshId } from '../wire/ids.ts'
import { RefreshRequest } from '../wire/refresh.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { dkgRounds } from './dkg.ts'
import { epochChangeRounds } from './epoch-change.ts'

const seat = { refreshId: RefreshId, index: Index, attempt: Attempt }

/** Asked of a host whose share of the epoch that the request names is open. */
const begins = z.strictObject({ index: Index, attempt: Attempt, request: RefreshRequest })

/** Gives all hosts of a key new shares of it: a DKG of zero, then all prepare the new epoch, and when open signings have finished, all install it. */
export const refresh = ceremony({
  kind: 'refresh',
  rounds: {
    ...dkgRounds(begins, seat),
    prepare: epochChangeRounds.prepare,
    /** Open signings finish at the current epoch. */
    hold: { who: 'nobody' },
    install: epochChangeRounds.install,
  },
})
