import type { Bunker } from '../../../bunker/bunker.ts'
import type { Heard } from '../../../bunker/state.ts'
import type { Key } from '../../../key.ts'
import type { Participant } from '../../../participant.ts'
import { npub } from '../../../npub.ts'
import type { Session } from '../../session.ts'
import { bad, field, good } from '../../terminal.ts'
import { bringUpToDate } from '../../up-to-date.ts'
import { fromHex } from '@quorate/shared/wire/bytes'

export type Opened = Readonly<{ me: Participant; key: Key; bunker: Bunker }>

/** The key at its present epoch, and who acts. `id`: of the key, or its beginning. */
export async function actor(session: Session, id: string): Promise<Readonly<{ me: Participant; key: Key }>> {
  const kept = await session.home.key(id)
  const me = await session.participant(kept.gateway)
  return { me, key: await bringUpToDate(session, me, kept) }
}

/** Does something with the bunker of a key, and keeps which book is the newest by then. */
export async function withBunker<T>(
  session: Session,
  { me, key }: Readonly<{ me: Participant; key: Key }>,
  act: (opened: Opened) => Promise<T>,
): Promise<T> {
  const { home, signal } = session
  const newest = await home.book(key.keyId, me.userId)
  return keeping(session, { me, key, bunker: await me.bunker(key, { newest, signal }) }, act)
}

export async function keeping<T>({ home }: Session, opened: Opened, act: (opened: Opened) => Promise<T>): Promise<T> {
  const { me, key, bunker } = opened
  try {
    return await act(opened)
  } finally {
    if (bunker.newest !== null) await home.saveBook(key.keyId, me.userId, bunker.newest)
  }
}

/** Whose hosts have heard what was said, and whose will later. */
export function heardLines({ by, missing }: Heard): string[] {
  const all = good(`heard by the hosts of ${by.join(', ') || 'nobody'}`)
  return missing.length === 0 ? [all] : [all, bad(`not yet by the hosts of ${missing.join(', ')}`)]
}

/** What to do when so few hosts know the own grants that the others are not told by them. */
export function forgottenLines({ keyId, participants, threshold }: Key, { by, missing }: Heard): string[] {
  const enough = participants.length - threshold + 1
  if (missing.length === 0 || by.length >= enough) return []
  const renew = `quorate bunker renew ${keyId.slice(0, 8)}`
  return [
    bad(`your grants are known to the hosts of ${by.join(', ') || 'nobody'}: if the others have restarted, ${renew}`),
  ]
}

export const npubOf = (publicKey: string): string => npub(fromHex(publicKey))

export const bunkerLines = ({ bunker, key }: Opened): string[] => [
  field('user', bunker.user.npub),
  field('signer', npubOf(bunker.signer)),
  field('key', key.keyId),
  ...bunker.connections.map(({ relay, connected }) => field('relay', `${relay}${connected ? '' : ', not connected'}`)),
]

/** The same for scripts. */
export const bunkerValue = ({ bunker, key }: Opened) => ({
  keyId: key.keyId,
  signer: bunker.signer,
  user: bunker.user,
  relays: bunker.relays,
  connections: bunker.connections,
})
