import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { verifyHostOfSigner, verifyAttestationEvent, type HostOfSigner } from '@quorate/shared/verify/bunker-proof'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { refuse, refusing } from '../errors.ts'
import type { Key } from '../key.ts'
import { mpcHere } from '../wasm.ts'

/** A signer, and the enclaves that have proved that they hold its secret. */
export type ProvedSigner = Readonly<{ signer: NostrKey; hosts: readonly HostOfSigner[] }>

/** `maxAge` (ms): how old documents and receipts may be. `now` in ms. */
export type ProofOptions = Readonly<{ maxAge?: number | undefined; now?: number | undefined }>

const HOUR = 3_600_000
/** Signers publish their event once a day. */
const OF_AN_EVENT = 25 * HOUR

/**
 * Verifies the events by which a signer shows that enclaves of an accepted image hold its secret: one for each host, or some of them. For whoever
 * builds a client: no key and no gateway is needed. Connect only to `signer`. Throws `nostr.event_invalid`, `nostr.event_unsigned`, `attestation.invalid` or `receipt.invalid`.
 */
export async function verifyBunkerEvents(
  events: readonly unknown[],
  trust: TrustPolicy,
  { maxAge = OF_AN_EVENT, now = Date.now() }: ProofOptions = {},
): Promise<ProvedSigner> {
  return refusing(async () => {
    const mpc = await mpcHere()
    const proved = await Promise.all(events.map((event) => verifyAttestationEvent(mpc, event, { trust, maxAge, now })))
    const [first] = proved
    if (first === undefined || proved.some(({ signer }) => signer !== first.signer))
      return refuse('nostr.event_invalid')
    return { signer: first.signer, hosts: proved.map(({ host }) => host) }
  })
}

/**
 * Verifies what a gateway shows of the hosts of a key's bunker: all of them, each proved by its document, each with this signer. Throws
 * `enclave.unreachable` with those that are missing.
 */
export async function verifyHosts(
  key: Key,
  signer: NostrKey,
  shown: RouteReply<'attestBunker'>,
  { trust, maxAge = HOUR, now }: Readonly<{ trust: TrustPolicy; now: number; maxAge?: number | undefined }>,
): Promise<ProvedSigner> {
  if (shown.signer !== signer) return refuse('reply.mismatch')
  const hosts = await Promise.all(shown.hosts.map((host) => verifyHostOfSigner(signer, host, { trust, now, maxAge })))
  const { participants } = key.certificate.body.roster.skeleton
  const proved = new Set<string>(hosts.map(({ identity }) => identity.signKey))
  const missing = participants.filter(({ host }) => !proved.has(host.identity.signKey))
  if (missing.length > 0)
    return refuse(
      'enclave.unreachable',
      missing.map(({ index }) => index),
    )
  return { signer, hosts }
}
