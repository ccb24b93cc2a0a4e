import type { OwnerGrant } from '../wire/bunker.ts'

/* The conditions of a grant beside its permissions: the same for programs and for participants. */

/** `peer`: with whom messages are exchanged, x in hex; null where nobody is. */
export const hasPeer = ({ peers }: Pick<OwnerGrant, 'peers'>, peer: string | null): boolean =>
  peer === null || peers === null || (peers as readonly string[]).includes(peer)

/** `length`: of an event's content or a message, in characters; of bytes, in bytes. */
export const isShort = ({ longest }: Pick<OwnerGrant, 'longest'>, length: number): boolean =>
  longest === null || length <= longest

/** How far the date of an event (s) is from now (ms), in seconds: below 0 for what is past. */
export const secondsAhead = (createdAt: number, now: number): number => createdAt - Math.floor(now / 1_000)

export const isNear = ({ dated }: Pick<OwnerGrant, 'dated'>, ahead: number): boolean =>
  dated === null || (ahead <= dated.after && -ahead <= dated.before)
