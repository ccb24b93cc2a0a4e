/** What a data key is bound to: KMS takes it as associated data, and gives the key back for the same pairs only. */
export type EncryptionContext = Readonly<Record<string, string>>

/**
 * The key service under which an enclave seals its root secret. Whether it gives keys to this enclave's image only, or to whoever
 * has its host's credentials, is said by the claims beside it. Plaintexts are 32 bytes, owned and wiped by the caller. `keyId` is
 * how the service names the key: for AWS its ARN. `random` gives so many bytes (1 to 1024) of the service's own randomness, which
 * nobody on the way has read: something to mix in, never a secret by itself.
 *
 * Throws `kms.denied` when it says no, `kms.disabled` when its key is switched off, `kms.throttled` when it is asked too often,
 * `kms.clock` when it finds this clock wrong, `kms.unavailable` when it cannot be asked, `kms.invalid` when its answer is not acceptable. An old ciphertext opens for ever:
 * freshness is the caller's affair.
 */
export type SealingKms = Readonly<{
  generateDataKey: (
    context: EncryptionContext,
  ) => Promise<{ plaintext: Uint8Array; ciphertext: Uint8Array; keyId: string }>
  decrypt: (ciphertext: Uint8Array, context: EncryptionContext) => Promise<{ plaintext: Uint8Array; keyId: string }>
  random: (length: number) => Promise<Uint8Array>
}>
