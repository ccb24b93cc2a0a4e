import { Refusal } from '@quorate/shared/errors'
import { isStocked } from '@quorate/shared/verify/commitments'
import { isCommitmentOf, isPartialOf, packageDigest } from '@quorate/shared/verify/quorum'
import { isOfProgram, type SigningSession, type SigningTerms } from '../courses/signing-terms.ts'
import type { Aid } from '../engine/ask.ts'
import { seatsAt, type StockOf } from '../keys/stocks.ts'
import { bunkerForgotten, epochForgotten, shareForgotten, usesForgotten } from './forgotten.ts'
import type { Tools } from './tools.ts'

/** True when the host has not yet installed the epoch that the request names. It is about to, and rests until then. */
async function isBehind({ keys }: Tools, s: SigningSession, error: unknown): Promise<boolean> {
  if (!isStale(error)) return false
  const key = await keys.load(s.keyId).catch(() => null)
  return key?.verified.digest === s.own.request.body.certificateDigest
}

/** Who had the key refreshed away from the epoch that the request names; nobody when that is not known here. */
async function refresherOf({ store }: Tools, { keyId, own }: SigningSession): Promise<number[]> {
  const next = await store.loadKeyAt(keyId, own.request.body.epoch + 1).catch(() => null)
  return next?.asker === undefined ? [] : [next.asker]
}

const isStale = (error: unknown): boolean => error instanceof Refusal && error.code === 'epoch.stale'

/** Is this refusal about words that a host does not take for those of others? */
const isMisdelivered = (error: unknown): boolean => error instanceof Refusal && error.code === 'signing.misdelivered'

/** Whose partial, of those that hosts are to join, is not its own word for this package. */
async function unsoundPartials({ keys }: Tools, s: SigningSession): Promise<number[]> {
  const { stage } = s
  if (stage.name !== 'asking' || stage.round !== 'aggregate') return []
  const { verified } = await keys.load(s.keyId)
  const of = { signingId: s.own.request.body.signingId, attempt: s.attempt }
  const frame = { ...of, packageDigest: packageDigest({ ...of, requestDigest: s.own.requestDigest, ...stage.given }) }
  const sound = await Promise.all(
    stage.quorum.map((index, at) => {
      const partial = stage.given.partials[at]
      return partial === undefined ? Promise.resolve(false) : isPartialOf(verified, frame, index, partial)
    }),
  )
  return stage.quorum.filter((_, at) => sound[at] !== true)
}

// Who does not sign its word is named here: to the hosts, it could have been changed on its way. Partials are looked at once a host refuses them.
const verifying = (tools: Tools): Aid<SigningTerms>['verify'] & {} => ({
  async commit(s, _, { index, says }) {
    const { verified } = await tools.keys.load(s.keyId)
    const { request, requestDigest } = s.own
    const frame = { signingId: request.body.signingId, requestDigest, attempt: s.attempt }
    if (!(await isCommitmentOf(verified, frame, index, says.commitment)))
      throw new Refusal('signing.bad_commitment', [index])
  },
  partial(s, _, { says }) {
    if (says.entry !== undefined) tools.bunkers.logged(s.keyId, s.own.request.body.signingId, says.entry)
    return Promise.resolve()
  },
  // A program does not wait for the receipts of the other hosts.
  async aggregate({ own }, _, { says: { joined } }) {
    if (joined?.answer) await tools.bunkers.answered(own.request.body.signingId, joined.answer)
  },
})

/** A host that holds no books yet would say that nobody has agreed. */
async function untilReady({ bunkers }: Tools, { keyId, seats, own }: SigningSession, index: number): Promise<void> {
  const host = seats[index - 1]?.host
  if (isOfProgram(own) && host !== undefined) await bunkers.ready(keyId, host)
}

/** From which stock a signing can be served. */
export function stockOf({ keyId, own }: SigningSession): StockOf | null {
  const { items, certificateDigest } = own.request.body
  return items.length > 1 ? null : { keyId, certificateDigest }
}

export const createSigningAid = (tools: Tools): Aid<SigningTerms> => ({
  bring: {
    commit: async (s, _, index) => {
      await untilReady(tools, s, index)
      return { sealedItems: await tools.items.load(s.id) }
    },
    partial: async (s, { given }, index) => {
      if (!given.commitments.some(isStocked)) return {}
      await untilReady(tools, s, index)
      return { brought: { request: s.own.request, sealedItems: await tools.items.load(s.id) } }
    },
    aggregate: async ({ id }) => ({ sealedItems: await tools.items.load(id) }),
  },
  // Whoever has lost its stock says so in the first attempt.
  ready(s, quorum) {
    const of = s.attempt === 0 ? stockOf(s) : null
    const commitments = of === null ? null : tools.stocks.draw(of, seatsAt(s.seats, quorum))
    return commitments === null ? undefined : { commitments }
  },
  mends: () => [
    shareForgotten(tools),
    epochForgotten(tools),
    usesForgotten(tools),
    bunkerForgotten('nostr.signer_unknown')(tools),
    bunkerForgotten('book.unproven')(tools),
  ],
  verify: verifying(tools),
  async reads(s, error) {
    const liars = isMisdelivered(error) ? await unsoundPartials(tools, s) : []
    if (liars.length > 0) return new Refusal('signing.bad_partial', liars)
    if (await isBehind(tools, s, error)) return new Refusal('enclave.busy')
    return isStale(error) ? new Refusal('epoch.stale', await refresherOf(tools, s)) : error
  },
})
