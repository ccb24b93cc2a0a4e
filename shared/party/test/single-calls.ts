import type { Consent } from '@quorate/shared/wire/consent'
import type { Commitment, StockCommitment } from '@quorate/shared/wire/signing'
import type { Asked, MadeKey } from './ceremony.ts'
import type { Group } from './host.ts'
import { approve, ask, bytesItem } from './people.ts'

/** The calls of a signing one by one, so that a test can be the gateway that cheats between them. `soon`: when what is asked expires. */
export function singleCalls({ clock }: Pick<Group, 'clock'>) {
  const soon = () => clock.now + 60_000
  return {
    soon,

    /** Alice (1) asks for a signature of `text`, and bob (2) approves it. */
    asked: async (key: MadeKey, text = 'hello') => {
      const request = await ask(key.plan, key, 1, [bytesItem(text)], soon())
      return { ...request, approvals: [await approve(key.plan, 2, request.requestDigest, soon())] }
    },

    commit: (key: MadeKey, index: number, { request, sealedItems }: Asked, consents: Consent[], attempt = 1) =>
      key.plan.hosts.get(index)!.call('signing.commit', { attempt, index, request, sealedItems, consents }),

    partial: (key: MadeKey, index: number, of: Asked, consents: Consent[], commitments: Commitment[], attempt = 1) =>
      key.plan.hosts
        .get(index)!
        .call('signing.partial', { signingId: of.request.body.signingId, attempt, index, consents, commitments }),

    /** All commitments that this seat gives ahead at once. */
    stock: async (key: MadeKey, index: number): Promise<StockCommitment[]> => {
      const { keyId } = key.plan.skeleton
      const { stock } = await key.plan.hosts.get(index)!.call('signing.stock', { keyId, index })
      return stock.body.commitments.map((_, at) => ({ ...stock, serial: stock.body.first + at }))
    },

    /** The first question of an attempt whose commitments are from stock. */
    stocked: (
      key: MadeKey,
      index: number,
      { request, sealedItems }: Asked,
      consents: Consent[],
      commitments: Commitment[],
      attempt = 1,
    ) =>
      key.plan.hosts.get(index)!.call('signing.partial', {
        signingId: request.body.signingId,
        attempt,
        index,
        consents,
        commitments,
        brought: { request, sealedItems },
      }),
  }
}
