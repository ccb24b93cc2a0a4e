import { digestOf } from '@quorate/shared/crypto/sign'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import type { Inbox } from '../engine/course.ts'
import { inOrder } from '../engine/machine.ts'

/*
 * The two steps by which all hosts go to a version of a key that they have certified: the end of a keygen, and of a refresh.
 */

type Says<R extends 'prepare' | 'install'> = HostResult<`keygen.${R}`>

export const preparedOf = (indices: readonly number[], said: Inbox<Says<'prepare'>>): Prepared[] =>
  inOrder(indices, said).map((says) => says.prepared)

export const installedOf = (indices: readonly number[], said: Inbox<Says<'install'>>): Installed[] =>
  inOrder(indices, said).map((says) => says.installed)

/** A word over what the hosts said before one of them restarted says nothing about now. */
export const isOver = (prepared: readonly Prepared[], { installed }: Says<'install'>): boolean =>
  installed.body.preparedDigest === digestOf('prepared-all', prepared)

/** What all but this host have prepared. It has restarted since, and prepares again; then all install over what they say now. */
export const saidByOthers = (prepared: readonly Prepared[], index: number): Inbox<Says<'prepare'>> =>
  Object.fromEntries(
    prepared.filter(({ body }) => body.index !== index).map((word) => [word.body.index, { prepared: word }]),
  )
