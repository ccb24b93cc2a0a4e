import * as z from 'zod/mini'
import { CipherMethod, credentialKinds, permitsKind, type Permissions } from '@quorate/shared/nostr/permissions'
import { presets, type PresetName } from '@quorate/shared/nostr/presets'
import type { Limit, OwnerGrant } from '@quorate/shared/wire/bunker'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { QuorateError } from '../errors.ts'

const DAY = 86_400
const YEAR = 365 * DAY
/** "In all": as long as any grant lasts. */
const IN_ALL = 315_360_000

const names = Object.keys(presets) as [PresetName, ...PresetName[]]
const Kind = z.int().check(z.minimum(0), z.maximum(65_535))
/** In ms. */
const WholeSeconds = z.int().check(z.minimum(0), z.multipleOf(1_000))
const Count = z.int().check(z.minimum(1), z.maximum(1_000_000))

/** What an owner lets a program do, in few words. What is not named is not limited. */
export interface Terms {
  readonly name?: string | undefined
  /** A set of permissions by name, to which `methods` and `kinds` add. */
  readonly preset?: PresetName | undefined
  readonly methods?: CipherMethod[] | undefined
  readonly kinds?: number[] | undefined
  /** With whom it may exchange messages. */
  readonly peers?: string[] | undefined
  /** Characters of an event's content or a message. */
  readonly longest?: number | undefined
  /** By how much an event's date may differ from now: ms, in whole seconds, as events have them. */
  readonly dated?: { before: number; after: number } | undefined
  readonly perMinute?: number | undefined
  readonly perHour?: number | undefined
  readonly perDay?: number | undefined
  readonly inAll?: number | undefined
  /** In ms: a year when nothing is said. */
  readonly expiresIn?: number | undefined
  /** Is the owner asked about the rest, or is it refused? Asked, when nothing is said. */
  readonly otherwise?: 'ask' | 'refuse' | undefined
  readonly handsOn?: boolean | undefined
}
export const Terms = z.strictObject({
  name: z.optional(z.string().check(z.maxLength(64))),
  preset: z.optional(z.enum(names)),
  methods: z.optional(z.array(CipherMethod).check(z.maxLength(4))),
  kinds: z.optional(z.array(Kind).check(z.maxLength(256))),
  peers: z.optional(z.array(NostrKey).check(z.minLength(1), z.maxLength(256))),
  longest: z.optional(z.int().check(z.minimum(0), z.maximum(1_048_576))),
  dated: z.optional(z.strictObject({ before: WholeSeconds, after: WholeSeconds })),
  perMinute: z.optional(Count),
  perHour: z.optional(Count),
  perDay: z.optional(Count),
  inAll: z.optional(Count),
  expiresIn: z.optional(z.int().check(z.minimum(1), z.maximum(IN_ALL * 1_000))),
  otherwise: z.optional(z.enum(['ask', 'refuse'])),
  handsOn: z.optional(z.boolean()),
})

/** What a grant says beside its name in the book and its holder. */
export type Granting = Omit<OwnerGrant, 'id' | 'holder'>

const windows = { perMinute: 60, perHour: 3_600, perDay: DAY, inAll: IN_ALL } as const

function permissionsOf({ preset = 'nothing', methods = [], kinds = [] }: z.infer<typeof Terms>): Permissions {
  const permissions: Permissions = presets[preset].permissions
  const { ordinary, named } = permissions.kinds
  return {
    methods: CipherMethod.options.filter((one) => [...permissions.methods, ...methods].includes(one)),
    kinds: { ordinary, named: [...new Set([...named, ...kinds])].sort((a, b) => a - b) },
  }
}

const limitsOf = (terms: z.infer<typeof Terms>): Limit[] =>
  Object.entries(windows).flatMap(([name, seconds]) => {
    const count = terms[name as keyof typeof windows]
    return count === undefined ? [] : [{ count, seconds }]
  })

/** The terms as a book has them. `now` in ms. Throws a `ZodError` that says where they do not fit. */
export function readTerms(terms: Terms, now: number): Granting {
  const read = Terms.parse(terms)
  const {
    name = '',
    peers = null,
    longest = null,
    dated,
    otherwise = 'ask',
    handsOn = false,
    expiresIn = YEAR * 1_000,
  } = read
  const granting = {
    name,
    permissions: permissionsOf(read),
    peers,
    longest,
    dated: dated === undefined ? null : { before: dated.before / 1_000, after: dated.after / 1_000 },
    limits: limitsOf(read),
    otherwise,
    handsOn,
  }
  return { ...granting, expiresAt: now + expiresIn }
}

const isWithin = (inner: number | null, outer: number | null): boolean =>
  outer === null || (inner !== null && inner <= outer)

const limitsMore = (inner: readonly Limit[], outer: readonly Limit[]): boolean =>
  outer.every(({ count, seconds }) => inner.some((one) => one.seconds === seconds && one.count <= count))

function hasFewer(inner: Permissions, outer: Permissions): boolean {
  return (
    inner.methods.every((method) => outer.methods.includes(method)) &&
    inner.kinds.named.every((kind) => permitsKind(outer, kind)) &&
    (!inner.kinds.ordinary || outer.kinds.ordinary)
  )
}

/** Does the first grant permit nothing that the second does not? */
export function isNarrower(inner: Granting, outer: Granting): boolean {
  const { peers, dated } = outer
  const isNear = (side: 'before' | 'after') => isWithin(inner.dated?.[side] ?? null, dated?.[side] ?? null)
  return (
    hasFewer(inner.permissions, outer.permissions) &&
    (peers === null || (inner.peers?.every((peer) => peers.includes(peer)) ?? false)) &&
    isWithin(inner.longest, outer.longest) &&
    (dated === null || (isNear('before') && isNear('after'))) &&
    limitsMore(inner.limits, outer.limits) &&
    (outer.handsOn || !inner.handsOn) &&
    (outer.otherwise === 'ask' || inner.otherwise === 'refuse') &&
    inner.expiresAt <= outer.expiresAt
  )
}

/** A grant under terms that permit no more than it does; what is not named stays. Throws `request.invalid` for others. */
export function narrowTo<G extends Granting>(before: G, terms: Terms, now: number): G {
  const { name = before.name, expiresIn = before.expiresAt - now, otherwise = before.otherwise, ...rest } = terms
  const granting = readTerms({ name, expiresIn: Math.max(1, expiresIn), otherwise, ...rest }, now)
  if (isNarrower(granting, before)) return { ...before, ...granting }
  const issues = ['these terms permit what the grant does not: replace it instead']
  throw new QuorateError('request.invalid', 'client', { issues })
}

const ciphers: Readonly<Record<CipherMethod, string>> = {
  nip44_encrypt: 'encrypt messages (NIP-44)',
  nip44_decrypt: 'read messages (NIP-44)',
  nip04_encrypt: 'encrypt messages (NIP-04)',
  nip04_decrypt: 'read messages (NIP-04)',
}

const isSame = (one: Permissions, other: Permissions): boolean => hasFewer(one, other) && hasFewer(other, one)

/** What a set of permissions lets its holder do, as a person reads it. */
export function describePermissions(permissions: Permissions): string[] {
  const preset = names.find((name) => isSame(presets[name].permissions, permissions))
  if (preset !== undefined) return [presets[preset].words]
  const { methods, kinds } = permissions
  const credentials = kinds.named.filter((kind) => credentialKinds.includes(kind))
  const others = kinds.named.filter((kind) => !credentialKinds.includes(kind))
  return [
    ...(kinds.ordinary ? ['sign all events but credentials'] : []),
    ...(others.length > 0 ? [`sign events of kind ${others.join(', ')}`] : []),
    ...(credentials.length > 0 ? [`prove to others who the user is (kind ${credentials.join(', ')})`] : []),
    ...methods.map((method) => ciphers[method]),
  ]
}

const spans = new Map<number, string>([
  [60, 'a minute'],
  [3_600, 'an hour'],
  [DAY, 'a day'],
  [IN_ALL, 'in all'],
])

/** Under which conditions, as a person reads it. */
export function describeConditions(granting: Granting): string[] {
  const { peers, longest, dated, limits, otherwise, handsOn, expiresAt } = granting
  const span = (seconds: number) => spans.get(seconds) ?? `in ${seconds} s`
  return [
    ...(peers === null ? [] : [`with ${peers.length} peers alone`]),
    ...(longest === null ? [] : [`${longest} characters at most`]),
    ...(dated === null ? [] : [`dated ${dated.before} s before to ${dated.after} s after now`]),
    ...limits.map(({ count, seconds }) => `${count} ${span(seconds)}`),
    otherwise === 'ask' ? 'the rest asks' : 'the rest is refused',
    ...(handsOn ? ['it may hand on a part of this'] : []),
    `until ${new Date(expiresAt).toISOString()}`,
  ]
}
