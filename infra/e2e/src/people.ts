import type { ContentType, GrantTerms, Key, Keygen, Mode, Participant, Refresh } from '@quorate/client'

const names = ['alice', 'bob', 'carol'] as const
type Name = (typeof names)[number]

/** Three people who use a fleet through the SDK. Alice asks. */
export type People = Readonly<Record<Name, Participant>>

/** One for each of the names. */
export const peopleBy = (make: (name: Name) => Participant): People => ({
  alice: make('alice'),
  bob: make('bob'),
  carol: make('carol'),
})

/**
 * `content`: what it may sign, where the SDK's choice is not wanted. `expiresIn`: how long the others may take to join, ms. `ownKeys`: those that people
 * bring, where the scheme takes one of each. `subgroups`: those who have a key of their own in it. `mode`: of the key, if not its own.
 */
export type Wish = Readonly<{
  scheme: Key['scheme']
  grant: GrantTerms | null
  threshold?: number
  content?: readonly ContentType[]
  expiresIn?: number
  ownKeys?: Readonly<{ [N in Name]?: Uint8Array }>
  subgroups?: Readonly<Record<string, readonly Name[]>>
  mode?: Mode
}>

/** A 2-of-3 key, unless said otherwise, that Alice reserves, and has joined. */
export const reserveKey = ({ alice }: People, { ownKeys, ...wish }: Wish): Promise<Keygen> =>
  alice.reserveKey({ threshold: 2, ...wish, ownKey: ownKeys?.alice, participants: names })

/** The others join, one after the other, so that the steps have one order. */
export async function joinKey(
  { bob, carol }: People,
  keygen: Keygen,
  { grant, ownKeys }: Pick<Wish, 'grant' | 'ownKeys'>,
): Promise<void> {
  await bob.participate(keygen.invitation('bob'), { grant, ownKey: ownKeys?.bob })
  await carol.participate(keygen.invitation('carol'), { grant, ownKey: ownKeys?.carol })
}

/** New shares of the key. Two ask for them, since one alone may do so once a day. `expiresIn`: how long to wait for its hosts, ms. */
export async function askForRefresh(
  { alice, bob }: People,
  key: Key,
  times: Readonly<{ expiresIn?: number }> = {},
): Promise<Refresh> {
  const request = await bob.secondRefresh(key, await alice.draftRefresh(key, times))
  return alice.requestRefresh(key, { request })
}
