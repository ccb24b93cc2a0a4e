import { Refusal } from '@quorate/shared/errors'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { KeyRecord } from '../engine/ports.ts'
import type { Store } from '../store/store.ts'

export type CachedKey = Readonly<{ record: KeyRecord; verified: VerifiedKey }>

/** Gives a key whose certificate has been verified. Rejects with `key.not_found`, `certificate.invalid` or `store.failed`. */
export type LoadKey = (keyId: KeyId) => Promise<CachedKey>

/** `forget`: another epoch of this key is in force. */
export type KeyCache = Readonly<{ load: LoadKey; forget: (keyId: KeyId) => void }>

const SIZE = 1_024

/** Certificates cost milliseconds to verify, and change with the epoch alone: each is verified once while it is among the last used. */
export function createKeyCache(store: Pick<Store, 'loadKey'>): KeyCache {
  const cache = new Map<KeyId, Promise<CachedKey>>()
  const load = async (keyId: KeyId): Promise<CachedKey> => {
    const record = await store.loadKey(keyId)
    if (record === null) throw new Refusal('key.not_found')
    const digest = await verifyCertificate(record.certificate)
    return { record, verified: { certificate: record.certificate.body, digest } }
  }
  const loadOnce: LoadKey = (keyId) => {
    const known = cache.get(keyId)
    const key = known ?? load(keyId)
    cache.delete(keyId)
    cache.set(keyId, key)
    if (known === undefined) {
      key.catch(() => cache.get(keyId) === key && cache.delete(keyId))
      const [oldest] = cache.keys()
      if (cache.size > SIZE && oldest !== undefined) cache.delete(oldest)
    }
    return key
  }
  return { load: loadOnce, forget: (keyId) => void cache.delete(keyId) }
}
