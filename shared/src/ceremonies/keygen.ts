import { z } from 'zod'
import { Index, KeyId } from '../wire/ids.ts'
import { Roster } from '../wire/keygen.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { dkgRounds } from './dkg.ts'
import { epochChangeRounds } from './epoch-change.ts'

const seat = { keyId: KeyId, index: Index, attempt: Attempt }

/** Makes a key: a DKG, after which all hosts sign the certificate; then all prepare this very certificate, and all install it. */
export const keygen = ceremony({
  kind: 'keygen',
  rounds: { ...dkgRounds(z.strictObject({ ...seat, roster: Roster }), seat), ...epochChangeRounds },
})
