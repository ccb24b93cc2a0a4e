import { Refusal } from '@quorate/shared/errors'
import type { Envelope, SignedEvent } from '@quorate/shared/nostr/event'
import type { Request } from '@quorate/shared/nostr/methods'
import { CipherMethod } from '@quorate/shared/nostr/permissions'
import { decryptNip04, encryptNip04 } from '@quorate/shared/nostr/nip04'
import { conversationKeyOf, decryptNip44, encryptNip44 } from '@quorate/shared/nostr/nip44'
import { answer, formatResponse, refuse, type Response } from '@quorate/shared/nostr/nip46'
import { readEcdhResult } from '@quorate/shared/schemes/ecdh'
import { eventId } from '@quorate/shared/contents/nostr-event'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Outcome } from '@quorate/shared/wire/signing'
import type { PartyPorts } from '../ports.ts'
import type { HeldKey } from '../vault.ts'
import type { ClientAsk } from './ask.ts'
import type { BunkerParts } from './parts.ts'
import { userOf } from './standing.ts'

type Ports = Pick<PartyPorts, 'clock'> & Readonly<{ bunker: Pick<BunkerParts, 'signers' | 'shared'> }>
type Addressed = Pick<ClientAsk, 'signer' | 'event'>

/** Encrypts a response to the program that asked, as its signer. */
export const respond = (
  { bunker, clock }: Ports,
  { lineage }: HeldKey,
  { signer, event }: Addressed,
  response: Response,
): Envelope =>
  bunker.signers.write({ lineage, signer }, event.pubkey, formatResponse(response), Math.floor(clock() / 1_000))

type CipherRequest = Extract<Request, Readonly<{ method: CipherMethod }>>

const isCipher = (request: Request): request is CipherRequest => CipherMethod.safeParse(request.method).success

/** Does with the x of the shared point (32 bytes) what a request is about. */
function cipher(request: CipherRequest, x: Uint8Array): Response {
  switch (request.method) {
    case 'nip44_encrypt':
      return answer(
        request,
        withConversation(x, (key) => encryptNip44(request.params.message, key)),
      )
    case 'nip44_decrypt':
      return answer(
        request,
        withConversation(x, (key) => decryptNip44(request.params.message, key)),
      )
    case 'nip04_encrypt':
      return answer(request, encryptNip04(request.params.message, x))
    case 'nip04_decrypt':
      return answer(request, decryptNip04(request.params.message, x))
  }
}

function withConversation(x: Uint8Array, use: (key: Uint8Array) => string): string {
  const key = conversationKeyOf(x)
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}

/** The same. What the message is not, its client hears: that is no failure of the signing. */
export function cipherWith(request: Request, x: Uint8Array): Response {
  if (!isCipher(request)) return refuse(request.id, 'nostr.method_unknown')
  try {
    return cipher(request, x)
  } catch (error) {
    if (error instanceof Refusal) return refuse(request.id, error.code)
    throw error
  }
}

function signedEvent(key: HeldKey, request: Request & { method: 'sign_event' }, signature: string): SignedEvent {
  const { event } = request.params
  const pubkey = userOf(key)
  return { ...event, pubkey, id: toHex(eventId(event, pubkey)) as Digest, sig: signature }
}

/** The x of a point that the key shares with the peer of a request, by a verified result. It is kept for the next message with that peer. */
export function keepShared(
  { bunker }: Ports,
  { lineage }: HeldKey,
  { item: { content } }: ClientAsk,
  outcome: Outcome,
): Uint8Array | null {
  const read = content.type === 'ecdh' && typeof outcome === 'string' ? readEcdhResult(fromHex(outcome)) : null
  if (read === null || content.type !== 'ecdh') return null
  return bunker.shared.get(`${lineage}/${content.peer}`, () => read.point.slice(1, 33))
}

function responseTo(ports: Ports, key: HeldKey, ask: ClientAsk, signature: string): Response {
  const { request } = ask
  if (request.method === 'sign_event') return answer(request, signedEvent(key, request, signature))
  const x = keepShared(ports, key, ask, signature)
  return x === null ? refuse(request.id, 'content.invalid') : cipherWith(request, x)
}

/** What a program gets when its signing has come to this outcome. */
export function answerSigned(ports: Ports, key: HeldKey, ask: ClientAsk, outcome: Outcome): Envelope {
  const response =
    typeof outcome === 'string' ? responseTo(ports, key, ask, outcome) : refuse(ask.request.id, outcome.code)
  return respond(ports, key, ask, response)
}
