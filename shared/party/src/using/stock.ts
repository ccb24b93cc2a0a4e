import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import { useOf } from '@quorate/shared/schemes/cryptography'
import { toBase64url } from '@quorate/shared/wire/bytes'
import { STOCK_SIZE, type Stock } from '@quorate/shared/wire/signing'
import { requireInForceNow } from '../in-force.ts'
import type { Parts } from '../parts.ts'

/**
 * Commits to what this seat may be asked for, before it is. Throws `key.unknown`, `epoch.unproven`, `epoch.stale`, and
 * `signing.request_invalid` where the scheme of the key draws its nonces when it knows the message.
 */
export function giveStock(parts: Parts, { keyId, index }: HostParams<'signing.stock'>): Promise<Stock> {
  const key = parts.vault.key(keyId, index)
  requireInForceNow(parts.memories, key)
  const { scheme } = key.certificate.roster.skeleton
  const { ahead } = useOf(parts.mpc, scheme, 'sign')
  if (ahead === undefined) throw new Refusal('signing.request_invalid')
  const drawn = parts.vault.lend(keyId, index, ({ share }) =>
    Array.from({ length: STOCK_SIZE }, () => {
      const { held, toAll } = ahead(share)
      return { nonce: held, commitment: toBase64url(toAll) }
    }),
  )
  const body = parts.stocks.keep({ certificateDigest: key.digest, index }, keyId, drawn)
  return parts.keys.sign('stock', body)
}
