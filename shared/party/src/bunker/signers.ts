import { randomBytes } from '@noble/hashes/utils.js'
import { eventId, type UnsignedEvent } from '@quorate/shared/contents/nostr-event'
import { Refusal } from '@quorate/shared/errors'
import type { Envelope, SignedEvent } from '@quorate/shared/nostr/event'
import { REMOTE_SIGNING } from '@quorate/shared/nostr/event'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { conversationKeyOf, decryptNip44, encryptNip44 } from '@quorate/shared/nostr/nip44'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { SealedSigner } from '@quorate/shared/wire/bunker'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Digest, SignKey } from '@quorate/shared/wire/ids'
import { createSecretCache } from './secret-cache.ts'
import { orRefuse } from '../or-refuse.ts'
import type { Peers } from '../peers.ts'
import type { PartyPorts } from '../ports.ts'
import type { HeldKey } from '../vault.ts'

/** Signers of one key that a host holds, and keys that have one. */
const MOST_OF_KEY = 4
const MOST = 20_000
/** Conversations with clients whose key is kept. */
const MOST_CONVERSATIONS = 10_000

type Place = Readonly<{ lineage: Digest; signer: NostrKey }>
const nameOf = ({ lineage, signer }: Place): string => `${lineage}/${signer}`
const between = ({ lineage, signer }: Place, from: SignKey, to: SignKey) => ['signer', 1, lineage, signer, from, to]

/** The secrets of signers: what clients write to, and what signs the answers. They never sign what a key of this host signs. */
export type Signers = Readonly<{
  /** Draws a secret, and seals it for this host and every other host of the key. Throws `peer.unknown`. */
  create: (
    key: HeldKey,
  ) => Readonly<{ signer: NostrKey; sealed: readonly Readonly<{ host: SignKey; signer: SealedSigner }>[] }>
  /** Opens a secret that this host or another host of the key has sealed; gives it sealed anew when it was another. Throws `seal.invalid`, `peer.unknown`. */
  open: (key: HeldKey, signer: NostrKey, sealed: SealedSigner) => SealedSigner | null
  /** Throws `nostr.signer_unknown`. */
  require: (place: Place) => void
  /** What a client has written. Throws `nostr.signer_unknown`, and as `decryptNip44`. */
  read: (place: Place, envelope: Envelope) => string
  /** An answer for a client. `createdAt` in seconds. */
  write: (place: Place, client: NostrKey, text: string, createdAt: number) => Envelope
  /** Signs any event as the signer (NIP-01, BIP-340). */
  sign: (place: Place, event: UnsignedEvent) => SignedEvent
}>

const hostsOf = ({ certificate }: HeldKey): EnclaveIdentity[] => [
  ...new Map(
    certificate.roster.skeleton.participants.map(({ host }) => [host.identity.signKey, host.identity]),
  ).values(),
]

/** The secrets that are open here, by name. At most so many of one key, and in all. */
function createHeld() {
  const held = new Map<string, Uint8Array>()
  const isHeld = (place: Place): boolean => held.has(nameOf(place))
  return {
    isHeld,
    of(place: Place): Uint8Array {
      const secret = held.get(nameOf(place))
      if (secret === undefined) throw new Refusal('nostr.signer_unknown')
      return secret
    },
    hold(place: Place, secret: Uint8Array): void {
      const ofKey = [...held.keys()].filter((name) => name.startsWith(`${place.lineage}/`)).length
      if (!isHeld(place) && (ofKey >= MOST_OF_KEY || held.size >= MOST)) throw new Refusal('enclave.busy')
      held.get(nameOf(place))?.fill(0)
      held.set(nameOf(place), secret)
    },
  }
}

type Sealing = Readonly<{ keys: PartyPorts['keys']; peers: Peers }>

const sealOwn = ({ keys }: Sealing, place: Place, secret: Uint8Array): SealedSigner => ({
  from: keys.identity.signKey,
  sealed: toBase64url(keys.sealSigner(place, secret)),
})

function sealFor(sealing: Sealing, place: Place, peer: EnclaveIdentity, secret: Uint8Array): SealedSigner {
  const { keys, peers } = sealing
  const from = keys.identity.signKey
  if (peer.signKey === from) return sealOwn(sealing, place, secret)
  return { from, sealed: toBase64url(peers.sealFor(peer, between(place, from, peer.signKey), secret)) }
}

function openSecret({ keys, peers }: Sealing, key: HeldKey, place: Place, { from, sealed }: SealedSigner): Uint8Array {
  const own = keys.identity.signKey
  const bytes = fromBase64url(sealed)
  if (from === own) return keys.openSigner(place, bytes)
  const peer = hostsOf(key).find(({ signKey }) => signKey === from)
  if (peer === undefined) throw new Refusal('seal.invalid')
  return peers.openFrom(peer, between(place, from, own), bytes)
}

const publicKeyOf = ({ mpc }: Pick<PartyPorts, 'mpc'>, secret: Uint8Array): NostrKey =>
  NostrKey.parse(toHex(orRefuse('seal.invalid', () => mpc.secp256k1.publicKey(secret)).subarray(1)))

/** NIP-44's key between a secret and a client's public key. */
function conversationWith({ mpc }: Pick<PartyPorts, 'mpc'>, secret: Uint8Array, client: NostrKey): Uint8Array {
  const point = orRefuse('nostr.event_invalid', () => mpc.secp256k1.sharedPoint(secret, fromHex(`02${client}`)))
  try {
    return conversationKeyOf(point.subarray(1, 33))
  } finally {
    point.fill(0)
  }
}

function signAs(
  { mpc }: Pick<PartyPorts, 'mpc'>,
  secret: Uint8Array,
  signer: NostrKey,
  event: UnsignedEvent,
): SignedEvent {
  const id = eventId(event, signer)
  const sig = orRefuse('enclave.failed', () => mpc.secp256k1.sign(secret, id))
  return { ...event, pubkey: signer, id: toHex(id) as Digest, sig: toHex(sig) }
}

/** How a host comes by the secrets of signers. */
function keeping(
  ports: PartyPorts,
  peers: Peers,
  held: ReturnType<typeof createHeld>,
): Pick<Signers, 'create' | 'open'> {
  const sealing: Sealing = { keys: ports.keys, peers }
  const own = ports.keys.identity.signKey
  return {
    create(key) {
      const secret = randomBytes(32)
      const place = { lineage: key.lineage, signer: publicKeyOf(ports, secret) }
      const sealed = hostsOf(key).map((peer) => ({
        host: peer.signKey,
        signer: sealFor(sealing, place, peer, secret),
      }))
      held.hold(place, secret)
      return { signer: place.signer, sealed }
    },
    open(key, signer, sealed) {
      const place = { lineage: key.lineage, signer }
      if (held.isHeld(place) && sealed.from === own) return null
      const secret = openSecret(sealing, key, place, sealed)
      if (publicKeyOf(ports, secret) !== signer) throw new Refusal('seal.invalid')
      held.hold(place, secret)
      return sealed.from === own ? null : sealOwn(sealing, place, secret)
    },
  }
}

export function createSigners(ports: PartyPorts, peers: Peers): Signers {
  const held = createHeld()
  const conversations = createSecretCache(MOST_CONVERSATIONS)
  const conversation = (place: Place, client: NostrKey): Uint8Array => {
    const secret = held.of(place)
    return conversations.get(`${nameOf(place)}/${client}`, () => conversationWith(ports, secret, client))
  }
  const sign = (place: Place, event: UnsignedEvent) => signAs(ports, held.of(place), place.signer, event)
  return {
    ...keeping(ports, peers, held),
    require(place) {
      held.of(place)
    },
    read: (place, { pubkey, content }) => decryptNip44(content, conversation(place, pubkey)),
    write(place, client, text, createdAt) {
      const content = encryptNip44(text, conversation(place, client))
      const event = { created_at: createdAt, kind: REMOTE_SIGNING, tags: [['p', client]], content }
      return { ...sign(place, event), kind: REMOTE_SIGNING }
    },
    sign,
  }
}
