import { Refusal } from '@quorate/shared/errors'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { verifyPrepared } from '@quorate/shared/verify/refresh'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type { Mpc } from '@quorate/shared/mpc'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { Random32, type Digest } from '@quorate/shared/wire/ids'
import { NewestSerial } from '@quorate/shared/wire/manifest'
import * as z from 'zod/mini'
import { sameVersion, versionOf } from './epochs.ts'
import { nameOf, type Memories } from './memories.ts'
import type { HostKeys, PeerPolicy, SharePlace } from './ports.ts'

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes')
/**
 * What a sealed share holds: the scheme's share, the session secret S, the life of this host that knows all uses of its grant, and the
 * serial of the newest manifest that this host knew.
 */
const SharePlaintext = z.strictObject({ share: Bytes, sessionSecret: Bytes, life: Random32, manifest: NewestSerial })
type SharePlaintext = Readonly<z.infer<typeof SharePlaintext>>
type Kept = Omit<SharePlaintext, 'manifest'>

/** What is public of a key of which a share is open here. `life`: the one of this host that knows all uses of its grant. */
export type HeldKey = VerifiedKey & Readonly<{ lineage: Digest; index: number; publicKeys: Uint8Array; life: string }>

/** A key with its two secrets. Both buffers are the vault's, which wipes them. */
export type OpenKey = HeldKey & Readonly<{ share: Uint8Array; sessionSecret: Uint8Array }>

/** What is there at once: no promise. */
export type AtOnce<T> = T extends PromiseLike<unknown> ? never : T

const MAX_OPEN = 10_000

/** The open shares of a host. A share is open here only, and lent for the time of one synchronous call. */
export type Vault = Readonly<{
  /**
   * Opens a sealed share under a certificate that this very host has signed, and that all hosts have prepared, of the version in force as
   * far as it is known: it may be an old one after a restart. Throws `certificate.invalid`, `receipt.invalid`, `epoch.stale`,
   * `key.other_lineage`, `seal.invalid`, the last also for a share that is zero, or not that of this participant alone; and
   * `manifest.stale` when this host knew a newer manifest than it has been brought.
   */
  load: (share: HostParams<'key.load'>) => Promise<void>
  /** Throws `key.unknown` when its share has not been loaded. */
  key: (keyId: string, index: number) => HeldKey
  /** Lends the share to `use`. What is lent cannot outlive the call: `use` gives no promise, by its type. Throws `key.unknown`. */
  lend: <T>(keyId: string, index: number, use: (key: OpenKey) => AtOnce<T>) => T
  /** A share of this host, sealed for its place. Takes copies, and wipes them. */
  keep: (place: SharePlace, share: Kept) => string
  /** Wipes all shares of this key but those of the version with this digest. */
  retire: (keyId: string, digest: string) => void
}>

type Parts = Readonly<{ mpc: Mpc; keys: HostKeys; memories: Memories; images: Pick<PeerPolicy, 'serial'> }>

/** Checks and opens without an `await`, in which another version could come into force. */
function openVerified(
  { mpc, keys, memories, images }: Parts,
  verified: VerifiedKey,
  index: number,
  sealed: Uint8Array,
): OpenKey {
  const { certificate, digest } = verified
  const { keyId, participants } = certificate.roster.skeleton
  const host = participants[index - 1]?.host.identity
  if (host?.signKey !== keys.identity.signKey) throw new Refusal('certificate.invalid')
  const version = versionOf(verified)
  const name = nameOf(certificate)
  memories.requireOnly(keyId, name.lineage)
  const { current } = memories.of(name.lineage)
  if (current !== null && !sameVersion(current, version)) throw new Refusal('epoch.stale')
  const place = { keyId, index, epoch: certificate.epoch, certificateDigest: digest }
  const { manifest, share, sessionSecret, life } = parseShare(keys.openShare(place, sealed))
  const publicKeys = fromBase64url(certificate.publicKeys)
  const key = { certificate, digest, lineage: name.lineage, index, share, sessionSecret, publicKeys, life }
  const isKnown = manifest <= images.serial()
  if (isKnown && schemeOf(mpc, certificate.roster.skeleton.scheme).isShareOf(index, key)) return key
  wipe(key)
  throw new Refusal(isKnown ? 'seal.invalid' : 'manifest.stale')
}

function wipe({ share, sessionSecret }: OpenKey): void {
  share.fill(0)
  sessionSecret.fill(0)
}

function keep({ keys, images }: Parts, place: SharePlace, { share, sessionSecret, life }: Kept): string {
  const plaintext = encode({ share, sessionSecret, life, manifest: images.serial() })
  try {
    return toBase64url(keys.sealShare(place, plaintext))
  } finally {
    plaintext.fill(0)
  }
}

/** `maxOpen`: shares that are open at once; then the one that was loaded longest ago gives way. */
export function createVault(parts: Parts, maxOpen = MAX_OPEN): Vault {
  const open = new Map<string, OpenKey>()

  function admit(name: string, key: OpenKey): void {
    forget(name)
    const oldest = open.keys().next().value
    if (open.size >= maxOpen && oldest !== undefined) forget(oldest)
    open.set(name, key)
  }

  function forget(name: string): void {
    const key = open.get(name)
    if (key !== undefined) wipe(key)
    open.delete(name)
  }

  function find(keyId: string, index: number): OpenKey {
    const key = open.get(`${keyId}/${index}`)
    if (key === undefined) throw new Refusal('key.unknown')
    return key
  }

  return {
    async load({ certificate, index, sealedShare, prepared }) {
      const { body } = certificate
      const verified = { certificate: body, digest: await verifyCertificate(certificate) }
      await verifyPrepared(verified, prepared)
      const key = openVerified(parts, verified, index, fromBase64url(sealedShare))
      admit(`${body.roster.skeleton.keyId}/${index}`, key)
    },
    key(keyId, of) {
      const { certificate, digest, lineage, index, publicKeys, life } = find(keyId, of)
      return { certificate, digest, lineage, index, publicKeys, life }
    },
    lend: (keyId, index, use) => use(find(keyId, index)),
    keep: (place, share) => keep(parts, place, share),
    retire(keyId, digest) {
      const participants = [...open.values()].filter(({ certificate }) => certificate.roster.skeleton.keyId === keyId)
      for (const key of participants) if (key.digest !== digest) forget(`${keyId}/${key.index}`)
    },
  }
}

function parseShare(plaintext: Uint8Array): SharePlaintext {
  try {
    return SharePlaintext.parse(decode(plaintext))
  } catch {
    throw new Refusal('seal.invalid')
  } finally {
    plaintext.fill(0)
  }
}
