import { z } from 'zod'
import { Digest, KeyId, Random32 } from './ids.ts'
import { signed } from './signed.ts'

/** One state of a key: its epoch, and H(certificate, body) of that epoch. */
const Version = z.strictObject({ epoch: z.int().min(0), digest: Digest })

/**
 * What a host remembers of a key, under V, to another host of it that has restarted: the version in force, and one that it is
 * prepared for. `life` is the asker's `bootId`: what was said to an earlier life of it proves nothing.
 */
export const Recollection = signed(
  z.strictObject({ keyId: KeyId, life: Random32, current: Version.nullable(), prepared: Version.nullable() }),
)
export type Recollection = z.infer<typeof Recollection>
