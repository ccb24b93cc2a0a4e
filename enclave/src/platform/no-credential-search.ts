/** A client of AWS's was made without credentials. Its name is what the log shows. */
export class CredentialsMissing extends Error {
  override readonly name = 'CredentialsMissing'
}

/** Stands in the bundle where `@aws-sdk/credential-provider-node` would be. Throws when a client is made that needs it. */
export function defaultProvider(): never {
  throw new CredentialsMissing('a client of AWS was given no credentials, and an enclave does not look for any')
}
