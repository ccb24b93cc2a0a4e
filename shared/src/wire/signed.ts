import * as z from 'zod/mini'
import { Signature } from './ids.ts'

/** A body and an Ed25519 signature over its tagged hash. The kind of body decides the tag: see `crypto/sign.ts`. */
export const signed = <T extends z.ZodMiniType>(body: T) => z.strictObject({ body, signature: Signature })
export type Signed<T> = { body: T; signature: string }
