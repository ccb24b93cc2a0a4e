import type { RefusalCode } from '@quorate/shared/errors'
import type { Failure } from '@quorate/shared/wire/status'

type Ended = Readonly<{ name: string; code?: RefusalCode; culprits?: readonly number[] }>

/** Why a session ended without a result, as the world sees it. `expired`: the code of one whose time ran out. */
export function failureOf({ name, code, culprits = [] }: Ended, expired: RefusalCode): Failure | null {
  if (name === 'expired') return { code: expired, culprits: [] }
  return code === undefined ? null : { code, culprits: [...culprits] }
}
