import { randomBytes } from 'node:crypto'
import type { Key } from '@quorate/client'
import { createSigner, digestOf, signBody } from '@quorate/shared/crypto/sign'
import type { Approval } from '@quorate/shared/wire/consent'
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
  const commit = (consents: readonly Approval[]) =>
    callEnclave(fleet.addressOf(victim), 'signing.commit', { attempt: 1, index: 2, request, sealedItems, consents })

  const { requestDigest, expiresAt } = signing
  const yes: Approval['body'] = {
    skeletonDigest: digestOf('skeleton', key.certificate.body.roster.skeleton),
    index: 2,
    scope: { kind: 'request', requestDigest },
    decisions: ['approve'],
    reason: null,
    givenAt: Date.now(),
    expiresAt,
  }
  const forged = await signBody(await createSigner(randomBytes(32)), 'consent', yes)
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
