import { randomBytes } from '@noble/hashes/utils.js'
import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { verifyInstalled, verifyPrepared, verifySuccessor } from '@quorate/shared/verify/refresh'
import type { Seconding } from '@quorate/shared/wire/consent'
import { RefreshId } from '@quorate/shared/wire/ids'
import { toHex } from '@quorate/shared/wire/bytes'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Hooks, MadeKey } from './ceremony.ts'
import { agree } from './epoch-change.ts'
import type { Group, Member } from './host.ts'

type Change = (body: RefreshRequest['body']) => RefreshRequest['body']

export const askRefresh = (
  { clock }: Pick<Group, 'clock'>,
  { plan, certificate, digest }: Pick<MadeKey, 'plan' | 'certificate' | 'digest'>,
  change: Change = (body) => body,
  // Another one each time: nobody may refresh a key alone twice a day.
  asker = 1 + (certificate.body.epoch % plan.signers.size),
  signer = plan.signers.get(asker)!,
): Promise<RefreshRequest> =>
  signBody(
    signer,
    'refresh',
    change({
      refreshId: RefreshId.parse(toHex(randomBytes(16))),
      keyId: plan.skeleton.keyId,
      certificateDigest: digest,
      epoch: certificate.body.epoch,
      asker,
      askedAt: clock.now,
      expiresAt: clock.now + 60_000,
    }),
  )

/** The request, signed by a second participant too; `change` makes of that word what it should not be. */
export async function seconded(
  { clock }: Pick<Group, 'clock'>,
  { plan }: Pick<MadeKey, 'plan'>,
  request: RefreshRequest,
  index: number,
  change: (body: Seconding['body']) => Seconding['body'] = (body) => body,
): Promise<RefreshRequest> {
  const requestDigest = digestOf('refresh', request.body)
  const body: Seconding['body'] = {
    ...{ skeletonDigest: digestOf('skeleton', plan.skeleton), index, reason: null, decision: 'approve' },
    scope: { kind: 'refresh', requestDigest },
    givenAt: clock.now,
    expiresAt: clock.now + 60_000,
  }
  return { ...request, seconded: await signBody(plan.signers.get(index)!, 'consent', change(body)) }
}

/** The rounds of a refresh by a gateway in a few lines: the key at its next epoch, which no host has prepared yet. */
export async function runRounds<M extends Member>(
  { plan }: MadeKey<M>,
  request: RefreshRequest,
  { roundOne, roundTwo }: Hooks = {},
  attempt = 1,
): Promise<MadeKey<M>> {
  const { refreshId } = request.body
  const seats = [...plan.hosts]
  const messages: RoundOne[] = []
  for (const [index, host] of seats)
    messages.push((await host.call('refresh.round1', { index, attempt, request })).message)
  const packages: RoundTwo[] = []
  for (const [index, host] of seats) {
    const given = roundOne?.([...messages], index) ?? messages
    packages.push(...(await host.call('refresh.round2', { refreshId, index, attempt, messages: given })).packages)
  }
  const sealedShares = new Map<number, string>()
  const signatures: string[] = []
  const bodies: Certificate['body'][] = []
  for (const [index, host] of seats) {
    const mine = packages.filter(({ body }) => body.to === index)
    const given = (await roundTwo?.(mine, index)) ?? mine
    const done = await host.call('refresh.round3', { refreshId, index, attempt, packages: given })
    sealedShares.set(index, done.sealedShare)
    signatures.push(done.signature)
    bodies.push(done.certificate)
  }
  const certificate: Certificate = { body: bodies[0]!, signatures }
  return { plan, certificate, digest: digestOf('certificate', bodies[0]!), sealedShares, prepared: [], installed: [] }
}

/** The whole refresh that was asked for, by an honest gateway. */
export const carryOut = async <M extends Member>(key: MadeKey<M>, request: RefreshRequest): Promise<MadeKey<M>> =>
  agree(await runRounds(key, request))

/** The same, verified as a client does. */
export async function refresh<M extends Member>(
  group: Pick<Group, 'clock'>,
  key: MadeKey<M>,
  request?: RefreshRequest,
): Promise<MadeKey<M>> {
  const next = await carryOut(key, request ?? (await askRefresh(group, key)))
  const verified = await verifySuccessor({ certificate: key.certificate.body, digest: key.digest }, next.certificate)
  await verifyInstalled(verified, await verifyPrepared(verified, next.prepared), next.installed)
  return next
}
