import { authSeed } from '@quorate/shared/crypto/session-items'
import { createSigner, verifyEd25519 } from '@quorate/shared/crypto/sign'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { SignKey } from '@quorate/shared/wire/ids'
import { QuorateError } from './errors.ts'

/** An Ed25519 pair (RFC 8032) that signs as one participant of one key. */
export interface KeySigner {
  /** 32 bytes, hex. */
  readonly publicKey: string
  /** The signature, 64 bytes, of 32 bytes: the hash of what this participant says. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>
}

/**
 * Signs what a participant says, wherever the private keys are: in a file, behind a passkey, at a service. It is all that the SDK asks of them:
 * nothing is opened with them. What it throws comes out of the call that wanted the signature.
 */
export interface Signer {
  /** The pair for this Quorate key: the same one for ever, and for each key another, so that keys of one person cannot be linked. */
  readonly forKey: (keyId: string) => Promise<KeySigner>
}

/** Derives a pair for each key from 32 random bytes. They are copied. Throws `request.invalid` for another length. */
export function seedSigner(seed: Uint8Array): Signer {
  if (!isBytes(seed, 32)) throw new QuorateError('request.invalid', 'client', { issues: ['seed: 32 bytes'] })
  const own = Uint8Array.from(seed)
  return {
    async forKey(keyId) {
      const secret = authSeed(own, keyId)
      try {
        const { publicKey, sign } = await createSigner(secret)
        return { publicKey: toHex(publicKey), sign }
      } finally {
        secret.fill(0)
      }
    },
  }
}

/** Believes nothing of a signer but what verifies, and asks once for the pair of a key. Throws `signer.invalid`. */
export function checkedSigner(signer: Signer): Signer {
  const known = new Map<string, Promise<KeySigner>>()
  return {
    forKey(keyId) {
      const pair = known.get(keyId) ?? signer.forKey(keyId).then(checkedPair)
      known.set(keyId, pair)
      // Who was asked for a passkey may say yes the next time.
      pair.catch(() => known.delete(keyId))
      return pair
    },
  }
}

function checkedPair(pair: KeySigner): KeySigner {
  const { publicKey } = pair
  if (!SignKey.safeParse(publicKey).success) throw new QuorateError('signer.invalid', 'client')
  return {
    publicKey,
    async sign(message) {
      const signature = await pair.sign(Uint8Array.from(message))
      if (isBytes(signature, 64) && (await verifyEd25519(fromHex(publicKey), message, signature))) return signature
      throw new QuorateError('signer.invalid', 'client')
    },
  }
}

const isBytes = (value: unknown, length: number): boolean => value instanceof Uint8Array && value.length === length
