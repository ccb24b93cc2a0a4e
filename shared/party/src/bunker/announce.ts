import { verifyBody } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import { attestationEvent, handlerEvent } from '@quorate/shared/bunker/announcements'
import type { UnsignedEvent } from '@quorate/shared/contents/nostr-event'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Parts } from '../parts.ts'
import { relaysOf } from './standing.ts'

/**
 * Signs, as the signer, where programs reach it (NIP-89), and which hosts hold it, with their documents. Each receipt is by a host of the
 * key, for this signer; whether its document proves that host, whoever reads the event finds out.
 */
export async function announce(
  { vault, bunker, clock }: Parts,
  { keyId, index, signer, hosts }: HostParams<'bunker.announce'>,
): Promise<HostResult<'bunker.announce'>> {
  const key = vault.key(keyId, index)
  const { lineage, certificate } = key
  const place = { lineage, signer }
  bunker.signers.require(place)
  const known = new Set(certificate.roster.skeleton.participants.map(({ host }) => host.identity.signKey))
  for (const { receipt, attested } of hosts) {
    const { signKey } = attested.identity
    const isOfBunker = receipt.body.lineage === lineage && receipt.body.signer === signer && known.has(signKey)
    if (!isOfBunker || !(await verifyBody(signKey, 'bunker-receipt', receipt))) throw new Refusal('receipt.invalid')
  }
  const relays = relaysOf(bunker, key, signer)
  const createdAt = Math.floor(clock() / 1_000)
  const sign = (event: UnsignedEvent) => bunker.signers.sign(place, event)
  return {
    handler: sign(handlerEvent(relays, createdAt)),
    proofs: hosts.map((host) => sign(attestationEvent(host, createdAt))),
  }
}
