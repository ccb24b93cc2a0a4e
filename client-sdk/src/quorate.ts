import type { EnclaveStatus } from '@quorate/shared/wire/routes/enclaves'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { GatewayAddress } from '@quorate/shared/wire/gateway-address'
import * as z from 'zod/mini'
import type { Attested } from './attest.ts'
import { createContext, type Context, type ContextOptions } from './context.ts'
import { invalid, refusing } from './errors.ts'
import { sessionSecretOf, type Key } from './key.ts'
import { Participant } from './participant.ts'
import { seedSigner, type Signer } from './signer.ts'

export type QuorateOptions = ContextOptions

/** With what a participant signs: its seed, or something that signs for it. */
export type ParticipantKeys =
  Readonly<{ seed: Uint8Array; signer?: undefined }> | Readonly<{ signer: Signer; seed?: undefined }>

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/**
 * One gateway, and whom to take for an enclave there. Throws `request.invalid` for a trust policy that trusts nobody, or an
 * address that is none.
 */
export class Quorate {
  readonly gateway: string
  readonly #context: Context

  constructor(options: QuorateOptions) {
    const { gateway, trust, ...others } = options
    const read = z.object({ gateway: GatewayAddress, trust: TrustPolicy }).safeParse({ gateway, trust })
    if (!read.success) throw invalid(read.error)
    this.#context = createContext({ ...others, ...read.data })
    this.gateway = this.#context.client.gateway
  }

  /**
   * A person at this gateway. `seed`: 32 random bytes that this person keeps and nobody else ever gets. `signer`: in its place, what has the private
   * keys and signs. Throws `request.invalid`.
   */
  participant(userId: string, keys: ParticipantKeys): Participant {
    return new Participant(this.#context, userId, keys.signer ?? seedSigner(keys.seed))
  }

  /** What the gateway says about its enclaves. */
  async enclaves({ signal }: Signal = {}): Promise<EnclaveStatus[]> {
    return (await this.#context.client.call('listEnclaves', { signal })).enclaves
  }

  /**
   * The key at its present epoch, which some participant may have refreshed. Throws `certificate.invalid` for what does not follow
   * from `key`, `reply.mismatch` for an earlier epoch.
   */
  async latest(key: Key, { signal }: Signal = {}): Promise<Key> {
    return refusing(async () => (await import('./refresh/successor.ts')).latestKey(this.#context, key, signal))
  }

  /**
   * A token with which a program reads about a key over the REST API until `expiresAt` (ms), as its participants do. It approves nothing.
   */
  async readToken(key: Key, { signal }: Signal = {}): Promise<Readonly<{ token: string; expiresAt: number }>> {
    return refusing(async () => {
      const reader = await this.#context.readerOf(key.keyId, sessionSecretOf(key))
      const { token, expiresAt } = await reader.token(signal)
      return { token, expiresAt }
    })
  }

  /** Has an enclave prove itself to a fresh nonce. Throws `attestation.invalid`. */
  async attest(enclaveId: string, { signal }: Signal = {}): Promise<Attested> {
    return refusing(() => this.#context.attestor.ask(enclaveId, signal))
  }
}
