import { contentOf, messageOf } from '../contents/table.ts'
import { Refusal } from '../errors.ts'
import { MpcError, type KeyTweak, type Mpc } from '../../mpc/src/index.ts'
import { schemeOf, useOf } from '../schemes/cryptography.ts'
import type { KnownKey, Scheme, UseInput } from '../schemes/scheme.ts'
import { adaptorsOf, type AdaptorTerms as BytesOfTerms } from '../schemes/adaptors.ts'
import { factsOf, type SchemeName, type UseName } from '../schemes/table.ts'
import type { AdaptorTerms } from '../wire/adaptor.ts'
import { fromBase64url, fromHex, toHex } from '../wire/bytes.ts'
import type { CertificateBody } from '../wire/certificate.ts'
import type { Item } from '../wire/content.ts'
import type { Digest, SubgroupId } from '../wire/ids.ts'
import type { Mode } from '../wire/mode.ts'
import { MAX_ITEMS, type ItemRefusal } from '../wire/signing.ts'
import { codeOfItem, itemSession, type Judged } from './items.ts'
import { groupKeyOf, publicKeysOf } from './subgroups.ts'

/*
 * What an item asks of a key, so that those who sign it and those who verify it say the same.
 */

/** One thing to do with the shares, ready for the scheme: the message by its content's own rule. */
export type Task = UseInput & Readonly<{ use: UseName }>

/** A key as whoever signs or verifies with it knows it. */
export type TaskKey = KnownKey & Readonly<{ scheme: SchemeName }>

/** That of a sub-group, or without one of all. Throws `subgroup.unknown`. */
export const taskKey = (mpc: Mpc, certificate: CertificateBody, subgroup?: SubgroupId): TaskKey => ({
  groupKey: fromHex(groupKeyOf(certificate, subgroup)),
  publicKeys: publicKeysOf(mpc, certificate.roster, fromBase64url(certificate.publicKeys), subgroup),
  scheme: certificate.roster.skeleton.scheme,
})

/** Null where the cryptography finds no answer. A trap is no answer. */
function orNull<T>(call: () => T): T | null {
  try {
    return call()
  } catch (error) {
    if (error instanceof MpcError && error.code !== 'trapped') return null
    throw error
  }
}

const taproot = (merkleRoot: string): KeyTweak => ({ kind: 'taproot', tweak: fromHex(merkleRoot) })

/** The tweaks that a mode names, in their order; none for the group key itself. Throws `MpcError`. */
function tweaksOf({ childTweaks }: Scheme, publicKeys: Uint8Array, mode: Mode): readonly KeyTweak[] {
  switch (mode.kind) {
    case 'plain':
      return []
    case 'taproot':
      return [taproot(mode.merkleRoot)]
    case 'tweak':
      return [{ kind: mode.xonly ? 'xonly' : 'plain', tweak: fromHex(mode.tweak) }]
    case 'child': {
      if (childTweaks === undefined) throw new MpcError('invalid_input')
      const steps = childTweaks(publicKeys, mode.path)
      return mode.merkleRoot === null ? steps : [...steps, taproot(mode.merkleRoot)]
    }
  }
}

/** A key in a mode: what makes it of the group key, and what it is (32 bytes). */
export type KeyOfMode = Readonly<{ tweaks: readonly KeyTweak[]; publicKey: Uint8Array }>

/** Throws `tweak.invalid` where the mode makes no key of this one. */
export function inMode(mpc: Mpc, { scheme: name, ...key }: TaskKey, mode: Mode): KeyOfMode {
  const scheme = schemeOf(mpc, name)
  const found = orNull(() => {
    const tweaks = tweaksOf(scheme, key.publicKeys, mode)
    return { tweaks, publicKey: tweaks.length === 0 ? key.groupKey : scheme.tweakedKey(key, tweaks) }
  })
  if (found === null) throw new Refusal('tweak.invalid')
  return found
}

const readPoint = ({ point }: Readonly<{ point: string }>) => fromHex(point)

/** What whoever signs reads of terms. A hint is for people. */
function termsOf(terms: AdaptorTerms): BytesOfTerms {
  switch (terms.kind) {
    case 'one':
      return { kind: 'one', point: readPoint(terms) }
    case 'any':
      return { kind: 'any', points: terms.points.map(readPoint) }
    case 'all':
      return {
        kind: 'all',
        points: terms.points.map(({ point, proof }) => ({ point: fromHex(point), proof: fromHex(proof) })),
      }
  }
}

/** The points that terms need pre-signatures for, in their order. Throws `adaptor.invalid`. */
export function pointsOf(mpc: Mpc, terms: AdaptorTerms): readonly Uint8Array[] {
  const points = orNull(() => adaptorsOf(mpc, termsOf(terms)))
  if (points === null) throw new Refusal('adaptor.invalid')
  return points
}

/**
 * For an item that the scheme of the key signs. `session` names it in its signing. Throws `tweak.invalid`, `adaptor.invalid`,
 * `adaptor.unsupported`, and `content.invalid` where shares can do nothing with the message.
 */
export function taskOf(mpc: Mpc, key: TaskKey, session: Uint8Array, { content, mode, adaptor }: Item): Task {
  const use = adaptor === undefined ? contentOf(content.type).use : 'presign'
  if (use === 'presign' && factsOf(key.scheme).uses.presign === undefined) throw new Refusal('adaptor.unsupported')
  const { publicKey, tweaks } = inMode(mpc, key, mode)
  const message = messageOf(content, toHex(publicKey))
  if (!useOf(mpc, key.scheme, use).takes(message)) throw new Refusal('content.invalid')
  const task = { use, session, publicKeys: key.publicKeys, publicKey, message, tweaks }
  return adaptor === undefined ? task : { ...task, adaptors: pointsOf(mpc, adaptor) }
}

/** How many signatures and pre-signatures a task is, each with nonces of its own. */
export const countOf = ({ adaptors }: Task): number => adaptors?.length ?? 1

/**
 * What the items of the request R ask of the key, or why no host of it does that. Together they are as many signatures and pre-signatures as a
 * request may have items, so that no message is longer: an item that would be beyond is `adaptor.too_many`.
 */
export function tasksOf(
  mpc: Mpc,
  certificate: CertificateBody,
  requestDigest: Digest,
  judged: readonly Judged[],
): (Task | Readonly<{ code: ItemRefusal }>)[] {
  let left = MAX_ITEMS
  return judged.map((one, at) => {
    if ('code' in one) return one
    try {
      const task = taskOf(mpc, taskKey(mpc, certificate, one.item.subgroup), itemSession(requestDigest, at), one.item)
      if (countOf(task) > left) return { code: 'adaptor.too_many' }
      left -= countOf(task)
      return task
    } catch (error) {
      return { code: codeOfItem(error) }
    }
  })
}
