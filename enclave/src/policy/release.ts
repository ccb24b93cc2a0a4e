import { SignKey } from '@quorate/shared/wire/ids'
import { Serial } from '@quorate/shared/wire/manifest'
import * as z from 'zod'

const month = 31 * 86_400

/** Whose manifests an enclave takes: part of its measured configuration. */
export const Release = z
  .strictObject({
    /** Ed25519 keys, hex, each held by somebody else; and how many of them must have signed. */
    keys: z.array(SignKey).min(1).max(16),
    quorum: z.int().min(1),
    /** From when an enclave first sees a manifest to when it takes effect: the time that owners have to look at it, and to leave. */
    delaySeconds: z.int().min(0).max(month),
    /** Manifests below it are refused, so that those of former releases are no use against this one. */
    leastSerial: Serial,
  })
  .refine(({ keys }) => new Set(keys).size === keys.length, 'a release key stands there twice')
  .refine(({ keys, quorum }) => quorum <= keys.length, 'the quorum is above the number of release keys')
export type Release = Readonly<z.infer<typeof Release>>
