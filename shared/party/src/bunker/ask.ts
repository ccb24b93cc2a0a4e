import type { Mpc } from '@quorate/shared/mpc'
import { Refusal } from '@quorate/shared/errors'
import { readRequest } from '@quorate/shared/nostr/nip46'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Request } from '@quorate/shared/nostr/methods'
import { contentFor, itemFor } from '@quorate/shared/bunker/wish'
import { clientRequest, verifyClientRequest } from '@quorate/shared/verify/client-request'
import type { Item } from '@quorate/shared/wire/content'
import type { Digest } from '@quorate/shared/wire/ids'
import type { PartialAhead, StockPackage } from '@quorate/shared/wire/bunker'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { HeldKey, Vault } from '../vault.ts'
import type { Signers } from './signers.ts'

/** What a program asks shares for: its verified event, the request that stands in it, and what is to be signed. */
export type ClientAsk = Readonly<{ signer: NostrKey; event: Envelope; request: Request; item: Item }>

/**
 * This host's partial of the first attempt at a request that follows from what a program asks. Null where it cannot be given: the round
 * itself says why.
 */
export type SignAhead = (
  key: HeldKey,
  ask: ClientAsk,
  request: SigningRequest,
  given: StockPackage,
) => Promise<PartialAhead | null>

type Ports = Readonly<{ mpc: Mpc; signers: Signers; vault: Vault }>

/** The request that stands in an event which asks for shares. Throws `signing.request_invalid` for any other. */
function readAsk({ signers }: Ports, key: HeldKey, signer: NostrKey, event: Envelope): ClientAsk {
  const request = readRequest(signers.read({ lineage: key.lineage, signer }, event))
  const content = 'refused' in request ? null : contentFor(request)
  if ('refused' in request || content === null) throw new Refusal('signing.request_invalid')
  return { signer, event, request, item: itemFor(content) }
}

/** The request for a signing that follows from what a program asks. The share of this seat is open. */
export const requestOf = ({ vault }: Pick<Ports, 'vault'>, key: HeldKey, ask: ClientAsk): SigningRequest =>
  vault.lend(key.certificate.roster.skeleton.keyId, key.index, ({ sessionSecret }) =>
    clientRequest(key, sessionSecret, ask),
  )

/**
 * Checks that a request is what the program's event asks for, which is opened here. Throws `signing.request_invalid`,
 * `nostr.signer_unknown`, and as `verifyClientRequest`.
 */
export function identifyAsk(
  ports: Ports,
  key: HeldKey,
  request: SigningRequest,
  sealedItems: readonly string[],
): Readonly<{ requestDigest: Digest; ask: ClientAsk }> {
  const { requestDigest, event } = verifyClientRequest(ports.mpc, key, request, sealedItems)
  const { asker, items } = request.body
  if (typeof asker === 'number') throw new Refusal('signing.request_invalid')
  const ask = readAsk(ports, key, asker.signer, event)
  const [expected] = requestOf(ports, key, ask).body.items
  const [named] = items
  const isNamed = named?.digest === expected?.digest && named?.type === expected?.type
  if (!isNamed || named?.subgroup !== expected?.subgroup) throw new Refusal('signing.request_invalid')
  return { requestDigest, ask }
}
