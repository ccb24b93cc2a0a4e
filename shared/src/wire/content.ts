import * as z from 'zod/mini'
import { Content } from '../contents/table.ts'
import type { RefusalCode } from '../errors.ts'
import { AdaptorTerms } from './adaptor.ts'
import { SubgroupId } from './ids.ts'
import { Mode } from './mode.ts'

/** What travels sealed under the session secret: the full content of one item and the key mode to sign it in. */
export interface Item {
  content: Content
  mode: Mode
  /** Whose key signs it. Without it, that of all participants. */
  subgroup?: string | undefined
  /** What is asked for is no signature but pre-signatures for these terms. */
  adaptor?: AdaptorTerms | undefined
}
export const Item = z.toZod<Item>()(
  z.strictObject({
    content: Content,
    mode: Mode,
    subgroup: z.optional(SubgroupId),
    adaptor: z.optional(AdaptorTerms),
  }),
)

const misfits: ReadonlyMap<unknown, 'tweak.invalid' | 'adaptor.invalid'> = new Map([
  ['mode', 'tweak.invalid'],
  ['adaptor', 'adaptor.invalid'],
])

/** Why what was to be an item is none, by the first place that does not fit. A tweak or an adaptor that cannot be read never means none. */
export const misfitOf = ({ issues: [first] }: z.core.$ZodError) =>
  (misfits.get(first?.path[0]) ?? 'content.invalid') satisfies RefusalCode
