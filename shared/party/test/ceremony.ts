import { consentsWith, ownedKey } from '@quorate/shared/consent/permits'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { lineageOf, verifyCertificate } from '@quorate/shared/verify/certificate'
import { Refusal } from '@quorate/shared/errors'
import { makesBy } from '@quorate/shared/schemes/table'
import type { Recollection } from '@quorate/shared/wire/recall'
import type { Approval, Consent } from '@quorate/shared/wire/consent'
import type { RegistrationReceipt, Roster, RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { FreshCommitment, Partial, SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import { agree, shareAt } from './epoch-change.ts'
import type { Group, Member } from './host.ts'
import type { MadeKey } from './made-key.ts'
import {
  draw,
  grantFor,
  initFor,
  registrationFor,
  sealFor,
  type GrantTerms,
  type Plan,
  type PlanOptions,
} from './people.ts'

/** A gateway in a few lines. Each message passes a hook on its way, so that a test can be the gateway that cheats. */
export type Hooks = {
  roster?: (roster: Roster, forIndex: number) => Roster
  roundOne?: (messages: RoundOne[], forIndex: number) => RoundOne[]
  roundTwo?: (packages: RoundTwo[], forIndex: number) => RoundTwo[] | Promise<RoundTwo[]>
}

export type { MadeKey }

export async function enrol(plan: Plan, grants: Map<number, GrantTerms> = new Map()): Promise<Roster> {
  for (const member of new Set(plan.hosts.values()))
    await member.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(member, initFor(plan, member)) })
  const registrations: RegistrationReceipt[] = []
  for (const [index, member] of plan.hosts) {
    const terms = grants.get(index)
    const grant = terms === undefined ? null : await grantFor(plan, index, terms)
    const registration = await registrationFor(plan, index, grant)
    const sealed = sealFor(member, registration)
    registrations.push((await member.call('keygen.register', { keyId: plan.skeleton.keyId, sealed })).receipt)
  }
  return { skeleton: plan.skeleton, registrations }
}

/** The rounds of a keygen: the key, certified by all hosts and not agreed to yet. */
export async function runDkg<M extends Member>(
  plan: Plan<M>,
  roster: Roster,
  hooks: Hooks = {},
  attempt = 1,
): Promise<MadeKey<M>> {
  const { keyId } = plan.skeleton
  const seats = [...plan.hosts]
  const messages: RoundOne[] = []
  for (const [index, member] of seats) {
    const given = hooks.roster?.(roster, index) ?? roster
    messages.push((await member.call('keygen.round1', { keyId, index, attempt, roster: given })).message)
  }
  const packages: RoundTwo[] = []
  for (const [index, member] of seats) {
    const given = hooks.roundOne?.([...messages], index) ?? messages
    packages.push(...(await member.call('keygen.round2', { keyId, index, attempt, messages: given })).packages)
  }
  const sealedShares = new Map<number, string>()
  const signatures: string[] = []
  const bodies: Certificate['body'][] = []
  for (const [index, member] of seats) {
    const mine = packages.filter(({ body }) => body.to === index)
    const given = (await hooks.roundTwo?.(mine, index)) ?? mine
    const done = await member.call('keygen.round3', { keyId, index, attempt, packages: given })
    sealedShares.set(index, done.sealedShare)
    signatures.push(done.signature)
    bodies.push(done.certificate)
  }
  const certificate: Certificate = { body: bodies[0]!, signatures }
  return { plan, certificate, digest: await verifyCertificate(certificate), sealedShares, prepared: [], installed: [] }
}

/** The hosts accept what a dealer made, or what participants contributed: the key, certified by all and not agreed to yet. */
export async function acceptAll<M extends Member>(plan: Plan<M>, roster: Roster): Promise<MadeKey<M>> {
  const { keyId } = plan.skeleton
  const said: HostResult<'keygen.accept'>[] = []
  for (const [index, member] of plan.hosts) said.push(await member.call('keygen.accept', { keyId, index, roster }))
  const certificate: Certificate = { body: said[0]!.certificate, signatures: said.map(({ signature }) => signature) }
  const sealedShares = new Map(said.map(({ sealedShare }, at) => [at + 1, sealedShare]))
  return { plan, certificate, digest: await verifyCertificate(certificate), sealedShares, prepared: [], installed: [] }
}

/** The hosts make the key, as its skeleton says, and certify it. */
export const certifyAll = <M extends Member>(plan: Plan<M>, roster: Roster): Promise<MadeKey<M>> =>
  plan.skeleton.dealt === undefined && makesBy(plan.skeleton.scheme, 'dkg')
    ? runDkg(plan, roster)
    : acceptAll(plan, roster)

/** Makes a key, to which every host is agreed. */
export async function makeKey<M extends Member>(
  group: Group<M>,
  options: PlanOptions<M> & { grants?: Map<number, GrantTerms> } = {},
): Promise<MadeKey<M>> {
  const plan = await draw(group, options)
  return agree(await certifyAll(plan, await enrol(plan, options.grants)))
}

export async function loadKey(key: MadeKey, indices = [...key.plan.hosts.keys()]): Promise<void> {
  for (const index of indices) await key.plan.hosts.get(index)!.call('key.load', shareAt(key, index))
}

export type Asked = { request: SigningRequest; sealedItems: string[] }

/** What an honest gateway sends along: what was said, and the grants of those who have not spoken. */
export const carried = ({ certificate }: MadeKey, { request }: Asked, approvals: readonly Approval[]): Consent[] =>
  consentsWith(ownedKey(certificate.body.roster), request.body, approvals)

export async function commitAll(
  key: MadeKey,
  asked: Asked,
  approvals: Approval[],
  quorum: number[],
  attempt = 1,
): Promise<FreshCommitment[]> {
  const commitments: FreshCommitment[] = []
  const consents = carried(key, asked, approvals)
  for (const index of quorum)
    commitments.push(
      (
        await key.plan.hosts
          .get(index)!
          .call('signing.commit', { attempt, index, request: asked.request, sealedItems: asked.sealedItems, consents })
      ).commitment,
    )
  return commitments
}

/** A signing by an honest gateway up to its partials. */
export async function signUnconfirmed(
  key: MadeKey,
  asked: Asked,
  approvals: Approval[],
  quorum: number[],
  attempt = 1,
): Promise<Signed> {
  const { signingId } = asked.request.body
  const commitments = await commitAll(key, asked, approvals, quorum, attempt)
  const consents = carried(key, asked, approvals)
  const partials: Partial[] = []
  for (const index of quorum) {
    const place = { signingId, attempt, index }
    partials.push(
      (await key.plan.hosts.get(index)!.call('signing.partial', { ...place, consents, commitments })).partial,
    )
  }
  const { request, sealedItems } = asked
  return { request, sealedItems, consents, commitments, partials }
}

/** The whole signing by an honest gateway. `sealedSignatures`: of the items that have one. */
export async function sign(
  key: MadeKey,
  asked: Asked,
  approvals: Approval[],
  quorum: number[],
  attempt = 1,
): Promise<Signed & Joined & { receipts: SigningReceipt[] }> {
  const signed = await signUnconfirmed(key, asked, approvals, quorum, attempt)
  const joined = await joinAt(key, quorum[0]!, signed, attempt)
  const receipts = [joined.receipt]
  for (const index of quorum.slice(1)) receipts.push(await confirmAt(key, index, signed, attempt))
  return { ...signed, ...joined, receipts }
}

/** What a host is shown to join partials, but for its place. */
export type Signed = Omit<HostParams<'signing.aggregate'>, 'signingId' | 'attempt' | 'index'>

const aggregateAt = (key: MadeKey, index: number, signed: Signed, attempt: number) => {
  const { request, sealedItems, consents, commitments, partials } = signed
  const brought = { request, sealedItems, consents, commitments, partials }
  const place = { signingId: request.body.signingId, attempt, index }
  return key.plan.hosts.get(index)!.call('signing.aggregate', { ...place, ...brought })
}

/** The receipt of one host. */
export const confirmAt = async (key: MadeKey, index: number, signed: Signed, attempt = 1): Promise<SigningReceipt> =>
  (await aggregateAt(key, index, signed, attempt)).receipt

/** What the first host of a package gives. `sealedSignatures`: of the items that have one. */
export type Joined = HostResult<'signing.aggregate'>['joined'] & {} & Readonly<{
    receipt: SigningReceipt
    sealedSignatures: string[]
  }>

export async function joinAt(key: MadeKey, index: number, signed: Signed, attempt = 1): Promise<Joined> {
  const { joined, receipt } = await aggregateAt(key, index, signed, attempt)
  if (joined === null) throw new Error(`${index} is not the first of its package`)
  const sealedSignatures = joined.results.flatMap((result) => ('code' in result ? [] : result.sealedSignature))
  return { ...joined, receipt, sealedSignatures }
}

/** What the host of participant `from` says to the host `asker`, in this life of that one, of one key. */
export async function tellOne(
  teller: Member,
  asked: HostParams<'recall.tell'>['keys'][number],
  { asker, life }: Pick<HostParams<'recall.tell'>, 'asker' | 'life'>,
): Promise<Recollection> {
  const { recollection, refused } = await teller.call('recall.tell', { asker, life, keys: [asked] })
  for (const { code } of refused) throw new Refusal(code)
  return recollection
}

/** What a host makes of one key of a recollection. */
export async function learnOne(
  asker: Member,
  key: HostParams<'recall.learn'>['keys'][number],
  told: Omit<HostParams<'recall.learn'>, 'keys'>,
): Promise<{ epoch: number | null; settled: boolean }> {
  const { learned, refused } = await asker.call('recall.learn', { ...told, keys: [key] })
  for (const { code } of refused) throw new Refusal(code)
  const { epoch, settled } = learned[0]!
  return { epoch, settled }
}

/** The host of `index`, which has restarted, hears from the host of `from` which version of the key is in force. */
export async function recallFrom({ plan, certificate }: MadeKey, index: number, from: number): Promise<number | null> {
  const { keyId } = plan.skeleton
  const [asker, peer] = [plan.hosts.get(index)!, plan.hosts.get(from)!]
  const { bootId: life } = await asker.call('hello', {})
  const asked = { keyId, lineage: lineageOf(certificate.body), index: from }
  const recollection = await tellOne(peer, asked, { asker: asker.identity.signKey, life })
  return (await learnOne(asker, { keyId, index }, { from: peer.identity.signKey, recollection })).epoch
}

/** The same from the hosts of all other participants, one after the other. */
export async function recall(key: MadeKey, index: number): Promise<number | null> {
  let epoch: number | null = null
  for (const [from, host] of key.plan.hosts)
    if (host !== key.plan.hosts.get(index)) epoch = await recallFrom(key, index, from)
  return epoch
}
