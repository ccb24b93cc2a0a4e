import * as z from 'zod/mini'
import { Seconding } from './consent.ts'
import { Digest, Index, KeyId, Random32, RefreshId, Time } from './ids.ts'
import { Life } from './identity.ts'
import { signed, type Signed } from './signed.ts'

/**
 * A participant's wish for new shares of a key at the next epoch, signed by its authorisation key. One participant
 * suffices once a day: the key stays the same, and so does everybody's consent. `certificateDigest` and `epoch` are the current ones.
 */
export interface RefreshRequestBody {
  refreshId: RefreshId
  keyId: KeyId
  certificateDigest: Digest
  epoch: number
  asker: number
  askedAt: number
  expiresAt: number
}
export const RefreshRequestBody = z.toZod<RefreshRequestBody>()(
  z.strictObject({
    refreshId: RefreshId,
    keyId: KeyId,
    certificateDigest: Digest,
    epoch: z.int().check(z.minimum(0)),
    asker: Index,
    askedAt: Time,
    expiresAt: Time,
  }),
)
/** With the word of a second participant, when the asker has had the key refreshed not long ago. */
export interface RefreshRequest extends Signed<RefreshRequestBody> {
  seconded?: Seconding | undefined
}
export const RefreshRequest = z.toZod<RefreshRequest>()(
  z.extend(signed(RefreshRequestBody), { seconded: z.optional(Seconding) }),
)

/** `life`: of the host that says it. */
const version = {
  keyId: KeyId,
  certificateDigest: Digest,
  epoch: z.int().check(z.minimum(0)),
  index: Index,
  life: Life,
}

/** A host's word, under V, that it is ready for this version, or at it. `word`: 32 random bytes that name it, and this life stands by it. */
export const Prepared = signed(z.strictObject({ ...version, word: Random32 }))
export type Prepared = z.infer<typeof Prepared>

/** A host's word, under V, that it signs at this version only. `preparedDigest` F = H(prepared-all, what all hosts said). */
export const Installed = signed(z.strictObject({ ...version, preparedDigest: Digest }))
export type Installed = z.infer<typeof Installed>

export const RefreshState = z.enum([
  'gathering',
  'refreshing',
  'preparing',
  'holding',
  'installing',
  'completed',
  'failed',
])
export type RefreshState = z.infer<typeof RefreshState>
