import { z } from 'zod'
import { Index, KeyId } from '../wire/ids.ts'
import { Roster } from '../wire/keygen.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { roundOnes, roundTwos, saysCertified, saysRoundOne, saysRoundTwo } from './dkg.ts'

const seat = { keyId: KeyId, index: Index, attempt: Attempt }

/** Makes a key: a DKG, after which all hosts sign the certificate. */
export const keygen = ceremony({
  kind: 'keygen',
  rounds: {
    round1: {
      asks: z.strictObject({ ...seat, roster: Roster }),
      says: saysRoundOne,
      who: 'all',
      loss: 'new_attempt',
      acquainted: true,
    },
    round2: {
      asks: z.strictObject({ ...seat, messages: roundOnes }),
      says: saysRoundTwo,
      who: 'all',
      loss: 'new_attempt',
    },
    round3: {
      asks: z.strictObject({ ...seat, packages: roundTwos }),
      says: saysCertified,
      who: 'all',
      loss: 'new_attempt',
    },
  },
})
