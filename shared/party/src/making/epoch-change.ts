import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { succeeds, verifyPrepared } from '@quorate/shared/verify/refresh'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import { fromBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import type { Prepared } from '@quorate/shared/wire/refresh'
import { install, prepare, remembers, sameVersion, versionOf, type Memory } from '../epochs.ts'
import { nameOf, type KeyName } from '../memories.ts'
import type { Parts } from '../parts.ts'

type EpochChange = Readonly<{
  [M in 'prepare' | 'install']: (params: HostParams<`keygen.${M}`>) => Promise<HostResult<`keygen.${M}`>>
}>

type NewShare = HostParams<'keygen.prepare'>
type Next = VerifiedKey & Readonly<{ keyId: KeyId; name: KeyName; index: number; version: Version }>

/**
 * The new version, of which `index` is hosted here: known already, or the first and certified in this life, or it follows the one whose
 * share is open, or is that itself. Throws `key.unknown` when no share is open, as after a restart.
 */
async function verify({ keys, vault, memories }: Parts, { certificate, index }: NewShare): Promise<Next> {
  const { body } = certificate
  const { keyId, participants } = body.roster.skeleton
  const own = participants[index - 1]?.host.identity.signKey === keys.identity.signKey
  const digest = digestOf('certificate', body)
  const version = versionOf({ certificate: body, digest })
  const name = nameOf(body)
  const { current, prepared } = memories.of(name.lineage)
  const isKnown =
    sameVersion(current, version) || sameVersion(prepared, version) || memories.isCertified(name.lineage, digest)
  if (!own || !(isKnown || follows(vault.key(keyId, index), version, body))) throw new Refusal('certificate.invalid')
  await verifyCertificate(certificate)
  return { certificate: body, digest, keyId, name, index, version }
}

/** Throws `seal.invalid` unless the new share opens here. */
function tryShare({ keys }: Parts, { keyId, index, version }: Next, sealedShare: string): void {
  const place = { keyId, index, epoch: version.epoch, certificateDigest: version.digest }
  keys.openShare(place, fromBase64url(sealedShare)).fill(0)
}

/** Gives the word on which this host will install it. Throws `epoch.unproven`, `epoch.stale`. */
function giveWord({ memories }: Parts, { name, digest, version, certificate: { previous } }: Next): string {
  const before = memories.of(name.lineage)
  // The life that certified a first version knows that there is none after it. A later life does not.
  if (!remembers(before) && !memories.isCertified(name.lineage, digest)) throw new Refusal('epoch.unproven')
  const after = prepare(before, version, previous, toHex(randomBytes(32)))
  if (after?.word == null) throw new Refusal(before.current === null ? 'epoch.unproven' : 'epoch.stale')
  memories.keep(name, after)
  return after.word
}

/** Throws `life.retired` when one of those who gave their words has been started again since, as far as is known here. */
function requireCurrent({ keys, lives }: Parts, { certificate }: Next, prepared: readonly Prepared[]): void {
  for (const { body } of prepared) {
    const host = certificate.roster.skeleton.participants[body.index - 1]?.host.identity
    if (host !== undefined && host.signKey !== keys.identity.signKey) lives.see(host.signKey, body.life)
  }
}

/** What it remembers once it has installed. Throws `refresh.not_prepared`: a word of an earlier life, or one that was taken back, is none. */
function installedBy({ memories }: Parts, { name, version }: Next, word: string): Memory {
  const after = install(memories.of(name.lineage), version, word)
  if (after === null) throw new Refusal('refresh.not_prepared')
  return after
}

/**
 * The two steps by which a host goes to the first epoch of a key, or to the next. Both may be repeated, and neither believes the
 * gateway. All hosts sign the certificate, its share opens under its digest alone, and that all are prepared they say themselves.
 */
export function createEpochChange(parts: Parts): EpochChange {
  const { keys, vault, stocks, askers, memories, life, clock, log } = parts
  return {
    async prepare(params) {
      const next = await verify(parts, params)
      tryShare(parts, next, params.sealedShare)
      const word = giveWord(parts, next)
      const { keyId, index, digest: certificateDigest } = next
      const { epoch } = next.version
      log({ event: 'epoch.prepared', keyId, index, epoch })
      return { prepared: await keys.sign('prepared', { keyId, certificateDigest, epoch, index, life, word }) }
    },

    async install({ prepared, ...params }) {
      const next = await verify(parts, params)
      const preparedDigest = await verifyPrepared(next, prepared)
      const { keyId, index, digest: certificateDigest } = next
      const { epoch } = next.version
      // First of the own word, which this host can give anew: of hosts that have all restarted, none would say so after the others' words.
      const after = installedBy(parts, next, prepared[index - 1]?.body.word ?? '')
      requireCurrent(parts, next, prepared)
      tryShare(parts, next, params.sealedShare)
      // From here on it signs at the new version only.
      memories.keep(next.name, after)
      askers.installed(next.name.lineage, certificateDigest, clock())
      vault.retire(keyId, certificateDigest)
      stocks.retire(keyId, certificateDigest)
      await vault.load({ ...params, prepared })
      log({ event: 'epoch.installed', keyId, index, epoch })
      return {
        installed: await keys.sign('installed', { keyId, certificateDigest, epoch, index, life, preparedDigest }),
      }
    },
  }
}

const follows = (open: VerifiedKey, { digest }: Version, next: VerifiedKey['certificate']): boolean =>
  open.digest === digest || succeeds(open, next)
