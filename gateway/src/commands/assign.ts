import type { UserId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Person } from '../courses/keygen-terms.ts'

/**
 * Puts participants on enclaves in turn, beginning with number `start`, so that none hosts more of them than it must: with
 * more than n / t enclaves, none holds a quorum alone. `hosts` is not empty.
 */
export const assign = (users: readonly UserId[], hosts: readonly EnclaveIdentity[], start: number): Person[] =>
  users.flatMap((userId, at) => {
    const identity = hosts[(start + at) % hosts.length]
    return identity ? [{ userId, identity }] : []
  })

/**
 * How many enclaves must be there before a key may be placed: so many that none of them holds a quorum alone, or all that
 * there are, when those are fewer. Where one share is a quorum, each has an enclave of its own. While one of them is down, a new key waits rather than crowds.
 */
export const hostsNeeded = (participants: number, threshold: number, configured: number): number =>
  Math.min(configured, Math.ceil(participants / Math.max(1, threshold - 1)))
