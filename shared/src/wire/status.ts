import * as z from 'zod/mini'
import { isRefusalCode, type RefusalCode } from '../errors.ts'
import { Index } from './ids.ts'

const Code = z
  .custom<RefusalCode>(isRefusalCode)
  .check(z.meta({ type: 'string', description: 'a code of the closed table of refusals' }))

/** Why a session ended without a result, and who is to blame (participant indices). */
export interface Failure {
  code: RefusalCode
  culprits: number[]
}
export const Failure = z.toZod<Failure>()(z.strictObject({ code: Code, culprits: z.array(Index) }))

/** Whether a session in this state stays in it: true for every kind of session that the API names. */
export const isEnd = (state: string): boolean => state === 'completed' || state === 'failed' || state === 'expired'
