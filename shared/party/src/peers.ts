import { verifyAttestedIdentity } from '@quorate/shared/attestation/verify'
import { createDocumentCache } from '@quorate/shared/attestation/cache'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { fromBase64url, fromHex } from '@quorate/shared/wire/bytes'
import type { AttestedIdentity, EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Lives } from './lives.ts'
import type { PartyPorts } from './ports.ts'
import { createChallenges } from './challenges.ts'

/** Verified peers are asked for a new document after this long, or after a restart of either side. */
const TRUSTED_FOR = 12 * 3_600_000

export type Peers = Readonly<{
  challenge: () => string
  /** Verifies the peer's document over one of our own challenges. Throws `attestation.invalid`, `life.retired`. */
  introduce: (peer: AttestedIdentity, nonce: string) => Promise<void>
  /** Seals to, and opens from, a verified peer (or this enclave itself). Throw `peer.unknown`, `seal.invalid`. */
  sealFor: (peer: EnclaveIdentity, context: readonly (string | number)[], plaintext: Uint8Array) => Uint8Array
  openFrom: (peer: EnclaveIdentity, context: readonly (string | number)[], sealed: Uint8Array) => Uint8Array
  /** Throws `peer.unknown` unless this very identity has been verified. */
  require: (peer: EnclaveIdentity) => void
}>

/** More than a fleet has hosts. Beyond it the one who was verified longest ago gives way, and is verified again when it is needed. */
const MAX_PEERS = 4_096

/** What is known of a verified peer. `pcrs`: null for this enclave itself, which is no question of policy. */
type Verified = Readonly<{ key: Uint8Array; pcrs: Measurements | null; until: number }>

type Ports = Pick<PartyPorts, 'keys' | 'images' | 'clock' | 'log'> & Readonly<{ lives: Lives }>

/** The keys of those that have been verified, and of this host itself. A key is wiped when its peer is forgotten. */
function keepKeys({ keys, images, clock }: Ports, most: number) {
  const verified = new Map<string, Verified>()
  const own = digestOf('identity', keys.identity)
  verified.set(own, { key: keys.agree(keys.identity), pcrs: null, until: Number.POSITIVE_INFINITY })

  function forget(name: string): void {
    verified.get(name)?.key.fill(0)
    verified.delete(name)
  }

  return {
    keep(peer: EnclaveIdentity, pcrs: Measurements): void {
      const name = digestOf('identity', peer)
      if (name === own) return
      forget(name)
      // The host itself stands first.
      const [, oldest] = verified.keys()
      if (verified.size > most && oldest !== undefined) forget(oldest)
      verified.set(name, { key: keys.agree(peer), pcrs, until: clock() + TRUSTED_FOR })
    },
    /** The policy is asked at each use: a peer whose image is no longer accepted is forgotten at once. */
    of(peer: EnclaveIdentity): Uint8Array {
      const name = digestOf('identity', peer)
      const entry = verified.get(name)
      if (entry !== undefined && entry.until > clock() && (entry.pcrs === null || images.accepts(entry.pcrs)))
        return entry.key
      forget(name)
      throw new Refusal('peer.unknown')
    },
  }
}

/** The peers of this host, `most` at once. */
export function createPeers(ports: Ports, most = MAX_PEERS): Peers {
  const { keys, images, clock, log, lives } = ports
  const challenges = createChallenges(clock)
  const cache = createDocumentCache()
  const peerKeys = keepKeys(ports, most)
  return {
    challenge: challenges.issue,
    async introduce({ document, ...claims }, nonce) {
      challenges.spend(nonce)
      const expected = { policy: images.policy(), nonce: fromHex(nonce), now: clock(), cache }
      const { pcrs } = await verifyAttestedIdentity({ ...claims, document: fromBase64url(document), ...expected })
      const { identity, presence } = claims
      if (identity.signKey !== keys.identity.signKey) lives.see(identity.signKey, presence.life)
      peerKeys.keep(identity, pcrs)
      log({ event: 'peer.verified', enclaveId: identity.enclaveId, measurement: pcrs['0'] ?? '' })
    },
    sealFor: (peer, context, plaintext) => sealWith(peerKeys.of(peer), context, plaintext),
    openFrom: (peer, context, sealed) => openWith(peerKeys.of(peer), context, sealed),
    require: (peer) => void peerKeys.of(peer),
  }
}
