import { contentOf, signsContent } from '../contents/table.ts'
import { Refusal } from '../errors.ts'
import { openItem } from '../crypto/session-items.ts'
import { itemDigest } from '../crypto/session-items.ts'
import { taggedHash } from '../crypto/hash.ts'
import { digestOf } from '../crypto/sign.ts'
import { factsOf, type SchemeName } from '../schemes/table.ts'
import { fromBase64url, toHex } from '../wire/bytes.ts'
import type { Item } from '../wire/content.ts'
import type { Digest } from '../wire/ids.ts'
import { ItemRefusal, OwnerRefusal, type Commitment, type ItemFailure, type RequestBody } from '../wire/signing.ts'
import { wordsOf } from './commitments.ts'
import type { Signers } from './signers.ts'
import type { VerifiedKey } from './signing.ts'

/*
 * How a signing ends item by item. Whether a key signs an item follows from request, sealed item and certificate alone, so that
 * honest hosts, and everybody else who knows S, say the same of it.
 */

/** The content and mode of an item that the key may sign, or why no host of it does. */
export type Judged = Readonly<{ item: Item }> | Readonly<{ code: ItemRefusal }>

/** Hex of H(sealed-items, …): which ciphertexts a request was signed with. */
export const sealedDigest = (sealedItems: readonly string[]): Digest => digestOf('sealed-items', sealedItems)

/** Checks that these are the sealed items that the asker signed for. Throws `content.mismatch` or `seal.invalid`. */
export function requireSealedItems(request: RequestBody, sealedItems: readonly string[]): void {
  if (sealedItems.length !== request.items.length) throw new Refusal('content.mismatch')
  if (sealedDigest(sealedItems) !== request.sealedDigest) throw new Refusal('seal.invalid')
}

/** Can keys of this scheme sign such content in this mode, whatever their policy says? */
export function schemeSigns(scheme: SchemeName, { content, mode, adaptor }: Item): boolean {
  const facts = factsOf(scheme)
  const { tweaks, use } = contentOf(content.type)
  const isInMode = mode.kind === 'plain' || (facts.tweaks && tweaks)
  return signsContent(facts, content.type) && isInMode && (adaptor === undefined || use === 'sign')
}

/** May the key sign this content in this mode, by its policy, the content's row and the facts of the key's scheme? */
export function permitsItem({ certificate }: VerifiedKey, item: Item): boolean {
  const { scheme, policy } = certificate.roster.skeleton
  return policy.content.includes(item.content.type) && schemeSigns(scheme, item)
}

/** Names item `at` (0…) of the request R: what a scheme binds a use to. 32 bytes. */
export const itemSession = (requestDigest: Digest, at: number): Uint8Array => taggedHash('item', [requestDigest, at])

/** Does a request say of this item what everybody may see of it? */
export const isNamedBy = ({ content, subgroup }: Item, named: RequestBody['items'][number] | undefined): boolean =>
  content.type === named?.type && subgroup === named.subgroup

/** Opens item `at` (0…) of a request under S and holds it against what the request commits to, and what the key permits. */
export function judgeItem(
  key: VerifiedKey,
  sessionSecret: Uint8Array,
  request: RequestBody,
  at: number,
  sealed: string,
): Judged {
  try {
    const item = openItem(sessionSecret, request.signingId, at, fromBase64url(sealed))
    const named = request.items[at]
    const digest = toHex(itemDigest(sessionSecret, request.signingId, at, item))
    if (!isNamedBy(item, named) || digest !== named?.digest) return { code: 'content.mismatch' }
    return permitsItem(key, item) ? { item } : { code: 'content.not_permitted' }
  } catch (error) {
    return { code: codeOfItem(error) }
  }
}

/** The refusal of one item alone that has been thrown. Throws whatever else it is. */
export function codeOfItem(error: unknown): ItemRefusal {
  const code = ItemRefusal.safeParse(error instanceof Refusal ? error.code : null)
  if (!code.success) throw error
  return code.data
}

type RefusalBy<C> = Readonly<{ index: number; code: C }>

/** The hosts that refuse item `at` for one of these reasons. */
const refusing = <C extends string>(
  commitments: readonly Commitment[],
  at: number,
  codes: Readonly<{ options: readonly C[] }>,
): RefusalBy<C>[] =>
  commitments.flatMap((commitment) => {
    const word = wordsOf(commitment)[at]
    const code = word !== undefined && 'code' in word ? codes.options.find((one) => one === word.code) : undefined
    return code === undefined ? [] : [{ index: commitment.body.index, code }]
  })

function failureOf(all: readonly Commitment[], { members, threshold }: Signers, at: number): ItemFailure | null {
  const commitments = all.filter(({ body }) => members.includes(body.index))
  const refusals = refusing(commitments, at, ItemRefusal)
  const [refusal] = refusals
  if (refusal !== undefined) {
    const { code } = refusal
    const agreed = refusals.length === commitments.length && refusals.every((other) => other.code === code)
    return agreed ? { code } : { code: 'signing.disputed', refusals }
  }
  const withheld = refusing(commitments, at, OwnerRefusal)
  const committed = commitments.filter((one) => 'commitment' in (wordsOf(one)[at] ?? {}))
  if (committed.length >= threshold) return null
  const isRejected = withheld.some(({ code }) => code === 'signing.rejected')
  return { code: isRejected ? 'signing.rejected' : 'consent.missing', refusals: withheld }
}

/**
 * Per item of a signing package null when it is signed: no host of those who can sign it finds it unfit, and enough of them have committed to it; else why it is not.
 * Who has committed to it signs it. All commitments are of the same items.
 */
export const failuresOf = (commitments: readonly Commitment[], signers: readonly Signers[]): (ItemFailure | null)[] =>
  signers.map((one, at) => failureOf(commitments, one, at))
