import fc from 'fast-check'
import { CipherMethod, type Permission } from '../../src/nostr/permissions.ts'

export const permission: fc.Arbitrary<Permission> = fc.oneof(
  fc.record({ method: fc.constantFrom(...CipherMethod.options), kind: fc.constant(null) }),
  fc.record({ method: fc.constant('sign_event' as const), kind: fc.option(fc.nat(65_535)) }),
)
