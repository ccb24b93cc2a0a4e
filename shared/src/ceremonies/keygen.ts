import * as z from 'zod/mini'
import { Index, KeyId } from '../wire/ids.ts'
import { Roster } from '../wire/keygen.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { certified, dkgRounds } from './dkg.ts'
import { epochChangeRounds } from './epoch-change.ts'

const seat = { keyId: KeyId, index: Index, attempt: Attempt }

/** Makes a key: a DKG, or the acceptance of what was dealt or contributed, after which all hosts sign the certificate; then all prepare this very certificate, and all install it. */
export const keygen = ceremony({
  kind: 'keygen',
  rounds: {
    ...dkgRounds(z.strictObject({ ...seat, roster: Roster }), seat),
    /**
     * The only round of a key that needs no DKG: each host has its shares from the dealer, or from its participants, whose receipts say all of
     * the key. A host says the same in every attempt.
     */
    accept: {
      who: 'all',
      loss: 'ask_again',
      acquainted: true,
      long: true,
      asks: z.strictObject({ keyId: KeyId, index: Index, roster: Roster }),
      says: certified,
    },
    ...epochChangeRounds,
  },
})
