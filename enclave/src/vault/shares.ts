import { Refusal } from '@quorate/shared/errors'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { Certificate } from '@quorate/shared/wire/certificate'
import { z } from 'zod'
import { sameVersion, versionOf } from './epochs.ts'
import type { Memories } from './memories.ts'
import type { Vault } from './vault.ts'

const Bytes = z.instanceof(Uint8Array)
/** What a sealed share holds: FROST's key package, the session secret S, and when this enclave sealed it (ms). */
const SharePlaintext = z.strictObject({ share: Bytes, sessionSecret: Bytes, sealedAt: z.int() })

/** A key of which this enclave has a share open. The secret buffers belong to the vault: borrowed, never kept. */
export type OpenKey = VerifiedKey &
  Readonly<{ index: number; share: Uint8Array; sessionSecret: Uint8Array; publicKeys: Uint8Array; sealedAt: number }>

const MAX_OPEN = 10_000

export type Shares = Readonly<{
  /**
   * Opens a sealed share under a certificate that this very enclave has signed, of the version in force as far as it is known: it may
   * be an old one after a restart. Throws `certificate.invalid`, `epoch.stale`, `seal.invalid`.
   */
  load: (certificate: Certificate, index: number, sealedShare: Uint8Array) => Promise<void>
  /** Throws `key.unknown` when it has not been loaded. */
  get: (keyId: string, index: number) => OpenKey
  /** Wipes all shares of this key but those of the version with this digest. */
  retire: (keyId: string, digest: string) => void
}>

/** The plaintext of a share, encoded for sealing. The caller wipes it. */
export const encodeShare = (share: Uint8Array, sessionSecret: Uint8Array, sealedAt: number): Uint8Array =>
  encode({ share, sessionSecret, sealedAt })

type Place = Readonly<{ vault: Vault; memories: Memories; index: number }>

/** Checks and opens without an `await`, in which another version could come into force. */
function openVerified({ vault, memories, index }: Place, verified: VerifiedKey, sealedShare: Uint8Array): OpenKey {
  const { certificate, digest } = verified
  const { keyId, participants } = certificate.roster.skeleton
  const host = participants[index - 1]?.host.identity
  if (host?.signKey !== vault.identity.signKey) throw new Refusal('certificate.invalid')
  const version = versionOf(verified)
  memories.completed(keyId, version)
  const { current } = memories.of(keyId)
  if (current !== null && !sameVersion(current, version)) throw new Refusal('epoch.stale')
  const place = { keyId, index, epoch: certificate.epoch, certificateDigest: digest }
  const { share, sessionSecret, sealedAt } = parseShare(vault.openShare(place, sealedShare))
  const publicKeys = fromBase64url(certificate.publicKeys)
  return { certificate, digest, index, share, sessionSecret, publicKeys, sealedAt }
}

export function createShares(vault: Vault, memories: Memories): Shares {
  const open = new Map<string, OpenKey>()

  function keep(name: string, key: OpenKey): void {
    forget(name)
    const oldest = open.keys().next().value
    if (open.size >= MAX_OPEN && oldest !== undefined) forget(oldest)
    open.set(name, key)
  }

  function forget(name: string): void {
    const key = open.get(name)
    key?.share.fill(0)
    key?.sessionSecret.fill(0)
    open.delete(name)
  }

  return {
    async load(certificate, index, sealedShare) {
      const digest = await verifyCertificate(certificate)
      const { body } = certificate
      const key = openVerified({ vault, memories, index }, { certificate: body, digest }, sealedShare)
      keep(`${body.roster.skeleton.keyId}/${index}`, key)
    },
    get(keyId, index) {
      const key = open.get(`${keyId}/${index}`)
      if (key === undefined) throw new Refusal('key.unknown')
      return key
    },
    retire(keyId, digest) {
      const participants = [...open.values()].filter(({ certificate }) => certificate.roster.skeleton.keyId === keyId)
      for (const key of participants) if (key.digest !== digest) forget(`${keyId}/${key.index}`)
    },
  }
}

function parseShare(plaintext: Uint8Array): z.infer<typeof SharePlaintext> {
  try {
    return SharePlaintext.parse(decode(plaintext))
  } catch {
    throw new Refusal('seal.invalid')
  } finally {
    plaintext.fill(0)
  }
}
