import type { Certificate } from '@quorate/shared/wire/certificate'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import type { Member } from './host.ts'
import type { Plan } from './people.ts'

/** `prepared`, `installed`: what all hosts said of this version; nothing as long as they have only certified it. */
export type MadeKey<M extends Member = Member> = {
  plan: Plan<M>
  certificate: Certificate
  digest: Digest
  sealedShares: Map<number, string>
  prepared: readonly Prepared[]
  installed: readonly Installed[]
}
