import { Refusal } from '@quorate/shared/errors'
import { failuresOf } from '@quorate/shared/verify/items'
import { isPartialOf } from '@quorate/shared/verify/quorum'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Commitment, Outcome, Partial, RequestBody } from '@quorate/shared/wire/signing'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey, OpenKey } from '../vault.ts'
import { liveItems, signedBy, type LiveItem, type Terms } from './package.ts'
import { openPartials } from './sealing.ts'
import { useFor } from './seat.ts'

/** A package that this host has signed: its digest, and the commitments that it checked. */
export type SignedPackage = Readonly<{ attempt: number; digest: Digest; commitments: readonly Commitment[] }>

/** Are these the same words, field by field? */
const isSame = (one: Partial['body'], other: Partial['body']): boolean =>
  Object.entries(one).every(([field, value]) => other[field as keyof Partial['body']] === value)

/**
 * Checks that these are the partials of a package: one of each of its hosts, signed by that host for this package. `own`: what this host remembers
 * that it signed, which it need not verify. Throws `signing.misdelivered`, which accuses nobody, since who carries them can make them anything.
 */
export async function checkPartials(
  key: HeldKey,
  { signingId }: RequestBody,
  { attempt, digest, commitments }: SignedPackage,
  partials: readonly Partial[],
  own: Partial['body'] | null,
): Promise<void> {
  if (partials.length !== commitments.length) throw new Refusal('signing.misdelivered')
  const frame = { signingId, attempt, packageDigest: digest }
  for (const [at, { body }] of commitments.entries()) {
    const partial = partials[at]
    if (partial === undefined) throw new Refusal('signing.misdelivered')
    const isOwn = own?.packageDigest === digest && own.index === body.index && isSame(own, partial.body)
    if (!isOwn && !(await isPartialOf(key, frame, body.index, partial))) throw new Refusal('signing.misdelivered')
  }
}

/** One result per item that the package signs, by its place in the request. */
function join(
  parts: Parts,
  key: OpenKey,
  live: readonly LiveItem[],
  partials: readonly Partial[],
): Map<number, Uint8Array> {
  const opened = new Map(
    partials.flatMap((partial) => {
      const { index } = partial.body
      const items = signedBy(index, live)
      const ofItems = openPartials(key, items.length, partial)
      return items.map(({ at }, nth) => [`${at}/${index}`, ofItems[nth] ?? new Uint8Array(0)] as const)
    }),
  )
  return new Map(
    live.map(({ at, task, commitments }) => {
      const signers = [...commitments.keys()]
      const ofItem = new Map(signers.map((index) => [index, opened.get(`${at}/${index}`) ?? new Uint8Array(0)]))
      return [
        at,
        orRefuse('signing.bad_partial', () => useFor(parts, key, task).join(task, commitments, ofItem)),
      ] as const
    }),
  )
}

/**
 * How all items end by the partials of a package, which have been checked: the verified signature, or why there is none. The same
 * partials give the same outcomes. Throws `signing.bad_partial` with those who signed what does not verify.
 */
export function joinPartials(
  parts: Parts,
  key: OpenKey,
  terms: Terms,
  { commitments }: SignedPackage,
  partials: readonly Partial[],
): Outcome[] {
  const signatures = join(parts, key, liveItems(terms, commitments), partials)
  return failuresOf(commitments, terms.signers).map(
    (failure, at) => failure ?? toHex(signatures.get(at) ?? new Uint8Array(0)),
  )
}
