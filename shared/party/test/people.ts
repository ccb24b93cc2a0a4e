import { randomBytes } from '@noble/hashes/utils.js'
import { loadMpc } from '@quorate/shared/mpc'
import { encode } from '@quorate/shared/crypto/cbor'
import { sealTo } from '@quorate/shared/crypto/ecies'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { openSignature, readerSeed, sealItem, authSeed } from '@quorate/shared/crypto/session-items'
import { sealedDigest } from '@quorate/shared/verify/items'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { createSigner, digestOf, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { holdsQuorum } from '@quorate/shared/verify/spread'
import { registrationMac } from '@quorate/shared/verify/registration'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { makeOf, schemeOf } from '@quorate/shared/schemes/cryptography'
import type { DealtKey } from '@quorate/shared/schemes/scheme'
import { factsOf, longestResult, type SchemeName } from '@quorate/shared/schemes/table'
import { dealtDigest } from '@quorate/shared/verify/dealt'
import type { Item } from '@quorate/shared/wire/content'
import { Digest, KeyId, SigningId, SignKey } from '@quorate/shared/wire/ids'
import type { Approval, Decision, Grant } from '@quorate/shared/wire/consent'
import { contributionTo } from '@quorate/shared/wire/keygen'
import type { Dealt, Init, Registration, RegistrationBody, Skeleton } from '@quorate/shared/wire/keygen'
import type { RequestBody, SigningRequest } from '@quorate/shared/wire/signing'
import type { Group, Member } from './host.ts'

const mpc = await loadMpc()
export const random = (bytes: number) => toHex(randomBytes(bytes))

/** The frame of a key and its secrets, as the reserving client draws them up, and the people with their keys. */
export type Plan<M extends Member = Member> = {
  clock: Group['clock']
  skeleton: Skeleton
  sessionSecret: Uint8Array
  invitationKeys: Map<number, string>
  signers: Map<number, Signer>
  hosts: Map<number, M>
  /** For a key that is dealt: what its dealer made. */
  dealt?: DealtKey
  /** Keys that participants bring, by index. */
  ownKeys?: ReadonlyMap<number, Uint8Array>
}

export type PlanOptions<M extends Member = Member> = {
  keyId?: KeyId
  scheme?: SchemeName
  threshold?: number
  users?: string[]
  content?: Skeleton['policy']['content']
  /** Among whom the participants are spread; all of the group when nothing is said. */
  hosts?: readonly M[]
  /** ms */
  expiresAt?: number
  /** What the frame says of a quorum in one host; what is so when nothing is said. */
  quorumInOneHost?: boolean
  /** A key to deal, in place of one that the hosts draw. */
  secretKey?: Uint8Array
  /** The own keys of participants, by index, in a key to which each contributes one. Hosts draw the others. */
  ownKeys?: ReadonlyMap<number, Uint8Array>
  keyOrder?: Skeleton['keyOrder']
  subgroups?: Skeleton['subgroups']
  /** Makes of what the dealer splits what it should not be. */
  cheat?: (dealt: DealtKey) => DealtKey
}

export async function draw<M extends Member>(
  { members, clock }: Group<M>,
  options: PlanOptions<M> = {},
): Promise<Plan<M>> {
  const {
    keyId = KeyId.parse(random(16)),
    scheme = 'frost-secp256k1-tr',
    users = ['alice', 'bob', 'carol'],
    threshold = factsOf(scheme).fits(users.length, 2) ? 2 : users.length,
    content = ['bytes'],
    hosts: among = members,
    expiresAt = clock.now + 3_600_000,
    secretKey,
    keyOrder,
    subgroups,
    ownKeys,
    cheat = (key: DealtKey): DealtKey => key,
  } = options
  const seated = users.map((_, at) => among[at % among.length]!)
  const participants = users.map((userId, at) => ({
    userId,
    index: at + 1,
    host: { kind: 'enclave' as const, identity: seated[at]!.identity },
  }))
  const { quorumInOneHost = holdsQuorum({ threshold, participants, subgroups }) } = options
  const sessionSecret = randomBytes(32)
  const reader = await createSigner(readerSeed(sessionSecret))
  const hosts = new Map(seated.map((host, at) => [at + 1, host]))
  const dealt: DealtKey | undefined =
    secretKey && cheat(makeOf(mpc, scheme, 'deal')({ secretKey, participants: users.length, threshold }))
  const skeleton: Skeleton = {
    version: 1,
    keyId,
    scheme,
    threshold,
    participants,
    policy: { content },
    ...(quorumInOneHost ? { spread: 'quorum_in_one_host' } : {}),
    ...(dealt ? { dealt: frameOfDealt(scheme, dealt) } : {}),
    ...(keyOrder ? { keyOrder } : {}),
    ...(subgroups ? { subgroups } : {}),
    readerKey: SignKey.parse(toHex(reader.publicKey)),
    expiresAt,
  }
  const signers = new Map<number, Signer>()
  for (const at of users.keys()) signers.set(at + 1, await createSigner(authSeed(randomBytes(32), keyId)))
  const invitationKeys = new Map(users.map((_, at) => [at + 1, random(32)]))
  const secrets = { ...(dealt ? { dealt } : {}), ...(ownKeys ? { ownKeys } : {}) }
  return { clock, skeleton, sessionSecret, invitationKeys, signers, hosts, ...secrets }
}

/** How a skeleton names what a dealer made. */
export const frameOfDealt = (scheme: SchemeName, { publicKeys }: DealtKey, by = 'alice'): Dealt => ({
  by,
  groupKey: toHex(schemeOf(mpc, scheme).describe(publicKeys).groupKey),
  publicKeys: dealtDigest(toBase64url(publicKeys)),
})

export const sealFor = (member: Pick<Member, 'identity'>, message: unknown) =>
  toBase64url(sealTo(mpc.secp256k1, fromHex(member.identity.sealKey), encode(message)))

export function initFor(plan: Plan, member: Member): Init {
  const hosted = [...plan.hosts].filter(([, host]) => host === member).map(([index]) => index)
  return {
    purpose: 'init',
    skeletonDigest: digestOf('skeleton', plan.skeleton),
    sessionSecret: plan.sessionSecret,
    invitationKeys: hosted.map((index) => ({ index, key: fromHex(plan.invitationKeys.get(index)!) })),
    ...(plan.dealt ? { dealt: dealtFor(plan.dealt, hosted) } : {}),
  }
}

/** What a dealer seals to the host of these participants. */
export const dealtFor = ({ shares, publicKeys }: DealtKey, hosted: number[]): NonNullable<Init['dealt']> => ({
  publicKeys: toBase64url(publicKeys),
  shares: hosted.map((index) => ({ index, share: shares.get(index)! })),
})

/** What a grant is for; the rest of it follows from the plan. */
export type GrantTerms = Omit<Grant['body']['scope'], 'kind'> & { expiresAt: number }

/** The standing word of participant `index` for its share; `change` makes of it what it should not be. */
export const grantFor = (
  plan: Plan,
  index: number,
  { expiresAt, ...terms }: GrantTerms,
  change: (body: Grant['body']) => Grant['body'] = (body) => body,
): Promise<Grant> =>
  signBody(
    plan.signers.get(index)!,
    'consent',
    change({
      skeletonDigest: digestOf('skeleton', plan.skeleton),
      index,
      scope: { kind: 'standing', ...terms },
      decision: 'approve',
      reason: null,
      givenAt: plan.clock.now,
      expiresAt,
    }),
  )

export async function registrationFor(plan: Plan, index: number, grant: Grant | null = null): Promise<Registration> {
  const signer = plan.signers.get(index)!
  const body: RegistrationBody = {
    skeletonDigest: digestOf('skeleton', plan.skeleton),
    userId: plan.skeleton.participants[index - 1]!.userId,
    index,
    authKey: SignKey.parse(toHex(signer.publicKey)),
    grant,
    contribution: contributionTo(plan.skeleton, plan.ownKeys?.get(index) ?? null),
  }
  return prove(plan, signer, body)
}

/** Puts the proofs behind a registration, of whatever it says. */
export async function prove(plan: Plan, signer: Signer, body: RegistrationBody): Promise<Registration> {
  const mac = toHex(registrationMac(fromHex(plan.invitationKeys.get(body.index)!), body))
  const signature = toHex(await signer.sign(taggedHash('register', body)))
  return { purpose: 'register', body, mac, signature }
}

/** The lives of all hosts that answer, as an honest gateway tells them to people. */
export async function livesOf({ hosts }: Plan): Promise<string[]> {
  const asked = [...new Set(hosts.values())].map((host) => host.call('hello', {}).then(({ bootId }) => bootId))
  return (await Promise.allSettled(asked)).flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}

/** A request by `asker` for these items under a key that stands, and its sealed items. */
export async function ask(
  plan: Plan,
  key: { digest: Digest; epoch?: number },
  asker: number,
  items: Item[],
  expiresAt: number,
  change: (body: RequestBody) => RequestBody = (body) => body,
): Promise<{ request: SigningRequest; sealedItems: string[]; requestDigest: Digest }> {
  const signingId = SigningId.parse(random(16))
  const named = change({
    signingId,
    keyId: plan.skeleton.keyId,
    certificateDigest: key.digest,
    epoch: 0,
    asker,
    items: items.map((item, at) => ({
      type: item.content.type,
      ...(item.subgroup === undefined ? {} : { subgroup: item.subgroup }),
      digest: Digest.parse(toHex(itemDigest(plan.sessionSecret, signingId, at, item))),
    })),
    sealedDigest: sealedDigest([]),
    lives: await livesOf(plan),
    askedAt: plan.clock.now + 1,
    expiresAt,
  })
  const sealedItems = items.map((item, at) => toBase64url(sealItem(plan.sessionSecret, named.signingId, at, item)))
  const body = { ...named, sealedDigest: sealedDigest(sealedItems) }
  const request = await signBody(plan.signers.get(asker)!, 'request', body)
  return { request, sealedItems, requestDigest: digestOf('request', request.body) }
}

export const approve = async (
  plan: Plan,
  index: number,
  requestDigest: Digest,
  expiresAt: number,
  decision: Decision | readonly Decision[] = 'approve',
  { givenAt = plan.clock.now + 1, lives }: Readonly<{ givenAt?: number; lives?: string[] }> = {},
) =>
  (await signBody(plan.signers.get(index)!, 'consent', {
    skeletonDigest: digestOf('skeleton', plan.skeleton),
    index,
    scope: { kind: 'request', requestDigest },
    decisions: typeof decision === 'string' ? [decision] : decision,
    reason: null,
    givenAt,
    expiresAt,
    lives: lives ?? (await livesOf(plan)),
  })) as Approval

export const bytesItem = (text: string): Item => ({
  content: { type: 'bytes', bytes: Buffer.from(text).toString('hex') },
  mode: { kind: 'plain' },
})

export const rawItem = (bytes: string | Uint8Array): Item => ({
  content: { type: 'raw', bytes: Buffer.from(bytes).toString('hex') },
  mode: { kind: 'plain' },
})

export function openSignatures(plan: Plan, signingId: string, sealed: readonly string[]) {
  return sealed.map((each, at) => openSignature(plan.sessionSecret, signingId, at, fromBase64url(each), longestResult))
}
