import { Refusal } from '@quorate/shared/errors'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Hosts } from '../engine/ports.ts'

/** The lives of the hosts of a key, as of their last hello. */
export function livesOf(hosts: Pick<Hosts, 'life'>, { certificate }: Pick<VerifiedKey, 'certificate'>): string[] {
  const { participants } = certificate.roster.skeleton
  const names = new Set(participants.map(({ host }) => host.identity.enclaveId))
  return [...names].flatMap((host) => hosts.life(host) ?? [])
}

/**
 * Throws `lives.stale` when a word names lives, and not those of now: to hosts that restarted it would be of before. Nothing is safe by
 * that. It is to spare people a signing that comes to nothing.
 */
export function requireLives(
  hosts: Pick<Hosts, 'life'>,
  key: Pick<VerifiedKey, 'certificate'>,
  named: readonly string[] | undefined,
): void {
  if (named !== undefined && livesOf(hosts, key).some((life) => !named.includes(life))) throw new Refusal('lives.stale')
}
