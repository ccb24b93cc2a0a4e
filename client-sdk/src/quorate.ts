import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Attested } from './attest.ts'
import { createContext, type Context, type ContextOptions } from './context.ts'
import { QuorateError, refusing } from './errors.ts'
import type { Key } from './key.ts'
import { Participant } from './participant.ts'
import { latestKey } from './refresh/successor.ts'

export type QuorateOptions = ContextOptions

/** The gateway's word on one of its enclaves: nothing of it is proved. */
export type EnclaveStatus = RouteReply<'listEnclaves'>['enclaves'][number]

type Signal = Readonly<{ signal?: AbortSignal }>

/**
 * One gateway, and whom to take for an enclave there. Throws `request.invalid` for a trust policy that trusts nobody, or an
 * address that is none.
 */
export class Quorate {
  readonly gateway: string
  readonly #context: Context

  constructor(options: QuorateOptions) {
    const trust = TrustPolicy.safeParse(options.trust)
    const issues = [
      ...(URL.canParse(options.gateway) ? [] : ['gateway: an address like http://127.0.0.1:3000']),
      ...(trust.error?.issues ?? []).map(({ path, message }) => `trust.${path.join('.')}: ${message}`),
    ]
    if (issues.length > 0) throw new QuorateError('request.invalid', 'client', { issues })
    this.#context = createContext(options)
    this.gateway = this.#context.client.gateway
  }

  /** A person at this gateway. `seed`: 32 random bytes that this person keeps and nobody else ever gets. */
  participant(userId: string, { seed }: Readonly<{ seed: Uint8Array }>): Participant {
    return new Participant(this.#context, userId, seed)
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
    return refusing(() => latestKey(this.#context, key, signal))
  }

  /** Has an enclave prove itself to a fresh nonce. Throws `attestation.invalid`. */
  async attest(enclaveId: string, { signal }: Signal = {}): Promise<Attested> {
    return refusing(() => this.#context.attestor.ask(enclaveId, signal))
  }
}
