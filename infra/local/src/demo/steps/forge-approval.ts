import { randomBytes } from 'node:crypto'
import type { Key } from '@quorate/client'
import { createSigner, signBody } from '@quorate/shared/crypto/sign'
import type { Approval } from '@quorate/shared/wire/signing'
import type { Fleet } from '../../fleet/fleet.ts'
import { callEnclave } from '../call-enclave.ts'
import type { Stage } from '../stage.ts'
import { hostOf, type People } from './make-key.ts'
import { paint } from '../../paint.ts'

/** The gateway turns criminal: it has alice's request, and wants bob's share to sign without bob. True when the enclave refuses. */
export async function forgeApproval(stage: Stage, fleet: Fleet, key: Key, { alice, bob }: People): Promise<boolean> {
  const signing = await stage.timed('alice asks: “Sell the boat to the gateway.”', () =>
    alice.requestSignature(key, 'Sell the boat to the gateway.'),
  )
  const { request, sealedItems } = await signing.status()
  const victim = hostOf(key, 'bob')
  const commit = (approvals: readonly Approval[]) =>
    callEnclave(fleet.addressOf(victim), 'signing.commit', { attempt: 1, index: 2, request, sealedItems, approvals })

  const { requestDigest, expiresAt } = signing
  const yes: Approval['body'] = {
    requestDigest,
    index: 2,
    decision: 'approve',
    reason: null,
    decidedAt: Date.now(),
    expiresAt,
  }
  const forged = await signBody(await createSigner(randomBytes(32)), 'approval', yes)
  const attempts: readonly (readonly [string, readonly Approval[], string])[] = [
    ['without any approval', [], 'consent.missing'],
    ["with an approval under a key that is not bob's", [forged], 'consent.invalid'],
  ]
  const refused: boolean[] = []
  for (const [how, approvals, expected] of attempts) {
    const answer = await stage.timed(`the gateway asks ${victim} ${how}:`, () => commit(approvals), verdict)
    refused.push(answer === expected)
  }
  await stage.timed('bob sees it, and rejects', async () => bob.reject(await bob.signing(key, signing.signingId), 'no'))
  return refused.every(Boolean)
}

const verdict = (code: string | null): string =>
  code === null ? paint.red('ANSWERED') : `refused, ${paint.yellow(code)}`
