import { answer, refuse, type Response } from '@quorate/shared/nostr/nip46'
import { holdingsOf } from '@quorate/shared/bunker/clients'
import type { Binding, OwnerGrant, Taken } from '@quorate/shared/wire/bunker'
import { Relays } from '@quorate/shared/nostr/relays'
import type { GrantId } from '@quorate/shared/wire/ids'
import type { Parts } from '../parts.ts'
import { booksWith, relaysOf, userOf, viewOf } from './standing.ts'
import { refuseTaken, reply, type Taking } from './taking.ts'

/** The grants on which enough owners let the client in. */
const grantsOf = ({ decisions }: Taking, willing: readonly number[]): OwnerGrant[] =>
  willing.flatMap((index) => decisions.get(index)?.grant ?? [])

/** Binds the offer by which a client came, or what was handed on to it. Another client has been faster, or it has logged out: null. */
async function enter(parts: Parts, taking: Taking, willing: readonly number[]): Promise<Binding | 'known' | null> {
  const { key, event, handOn } = taking
  const { bindings } = parts.bunker
  if (handOn !== null) return bindings.bind(key.lineage, handOn.name, event.pubkey, handOn)
  const offers = new Set<GrantId>(
    grantsOf(taking, willing).flatMap(({ id, holder }) => (holder.kind === 'offer' ? [id] : [])),
  )
  const [offer] = offers
  return offer === undefined ? 'known' : bindings.bind(key.lineage, offer, event.pubkey)
}

/** Ends all that a client holds by any book. */
async function leave({ bunker }: Parts, { key, event, signer }: Taking): Promise<Binding[]> {
  const books = booksWith(bunker, key, signer)
  const names = new Set(
    books.flatMap((book) => holdingsOf(viewOf(bunker, key, book), event.pubkey).map(({ name }) => name)),
  )
  return Promise.all([...names].map((name) => bunker.bindings.end(key.lineage, name, event.pubkey)))
}

/** As many as a list of relays names; null where there are none. */
const told = (relays: readonly string[]): Relays | null => Relays.safeParse(relays.slice(0, 16)).data ?? null

const done = { outcome: 'answered', code: null } as const

/** Does what needs no share. */
export async function perform(parts: Parts, taking: Taking, willing: readonly number[]): Promise<Taken> {
  const { request, key } = taking
  const say = (response: Response, bindings: Binding[] = []) => reply(parts, taking, response, done, bindings)
  switch (request.method) {
    case 'connect': {
      const binding = await enter(parts, taking, willing)
      if (binding === null) return refuseTaken(parts, taking, 'nostr.not_permitted')
      return say(answer(request, 'ack'), binding === 'known' ? [] : [binding])
    }
    case 'ping':
      return say(answer(request, 'pong'))
    case 'get_public_key':
      return say(answer(request, userOf(key)))
    case 'switch_relays':
      return say(answer(request, told(relaysOf(parts.bunker, key, taking.signer))))
    case 'logout':
      return say(answer(request, 'ack'), await leave(parts, taking))
    case 'sign_event':
    case 'nip44_encrypt':
    case 'nip44_decrypt':
    case 'nip04_encrypt':
    case 'nip04_decrypt':
      return say(refuse(request.id, 'nostr.method_unknown'))
  }
}
