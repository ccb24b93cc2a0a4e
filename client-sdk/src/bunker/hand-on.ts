import { eventId } from '@quorate/shared/contents/nostr-event'
import { formatHandOn, handOnEvent, HandedOn } from '@quorate/shared/nostr/hand-on'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { formatBunkerUri } from '@quorate/shared/nostr/uris'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'
import { refusing } from '../errors.ts'
import { readTerms, type Terms } from './terms.ts'
import { mpcHere } from '../wasm.ts'

/** The bunker that a program knows, and the program's own secret key (32 bytes), which stays the caller's to wipe. */
export type HoldingProgram = Readonly<{ signer: string; relays: readonly string[]; secretKey: Uint8Array }>

/** What can be narrowed by handing on. */
export type PartOfTerms = Pick<Terms, 'preset' | 'methods' | 'kinds' | 'peers' | 'longest' | 'expiresIn'>

/**
 * Hands a part of a program's grant on to another program (`client`: its public key, hex), as a `bunker://` URI for that one alone. It has what
 * both the grant and these terms permit, as long as the grant lasts, and cannot hand it on. The grant must say `handsOn`.
 */
export async function handOn(
  { signer, relays, secretKey }: HoldingProgram,
  client: string,
  terms: PartOfTerms,
  now = Date.now(),
): Promise<string> {
  return refusing(async () => {
    const { secp256k1 } = await mpcHere()
    const { permissions, peers, longest, expiresAt } = readTerms(terms, now)
    const handed = HandedOn.parse({ signer, client, permissions, peers, longest, expiresAt })
    const event = handOnEvent(handed, Math.floor(now / 1_000))
    const pubkey = NostrKey.parse(toHex(secp256k1.publicKey(secretKey).subarray(1)))
    const id = eventId(event, pubkey)
    const signed = { ...event, pubkey, id: toHex(id) as Digest, sig: toHex(secp256k1.sign(secretKey, id)) }
    return formatBunkerUri({ signer: NostrKey.parse(signer), relays: [...relays], secret: formatHandOn(signed) })
  })
}
