import { z } from 'zod'
import { Index, KeyId } from '../wire/ids.ts'
import { Roster } from '../wire/keygen.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'
import { dkgRounds } from './dkg.ts'

const seat = { keyId: KeyId, index: Index, attempt: Attempt }

/** Makes a key: a DKG, after which all hosts sign the certificate. */
export const keygen = ceremony({
  kind: 'keygen',
  rounds: dkgRounds(z.strictObject({ ...seat, roster: Roster }), seat),
})
