import { Refusal } from '@quorate/shared/errors'
import { greet } from '@quorate/shared/nostr/nip46'
import { factsOf } from '@quorate/shared/schemes/table'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { BunkerReceipt } from '@quorate/shared/wire/bunker'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Floors } from '../floors.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import { announce } from './announce.ts'
import type { SignAhead } from './ask.ts'
import { createBindings } from './bindings.ts'
import { createBooks } from './books.ts'
import { createLog } from './log.ts'
import type { BunkerParts } from './parts.ts'
import { createSecretCache } from './secret-cache.ts'
import { createSigners } from './signers.ts'
import { booksWith } from './standing.ts'
import { currentKey, signWithOthers, take } from './take.ts'
import { consider, opened, refuseTaken, refuseUnread } from './taking.ts'

type Handlers = Readonly<{
  [M in 'create' | 'load' | 'take' | 'sign' | 'refuse' | 'greet' | 'authenticate' | 'announce']: (
    params: HostParams<`bunker.${M}`>,
  ) => Promise<HostResult<`bunker.${M}`>>
}>

/** Peers with which a key shares a point that is kept. */
const MOST_SHARED = 50_000

/** What a host holds for bunkers, on the rest of its parts. */
export function createBunkerParts(parts: Omit<Parts, 'bunker'> & Readonly<{ floors: Floors }>): BunkerParts {
  const shared = createSecretCache(MOST_SHARED)
  // What was given under the books before is worked out anew under these.
  const changed = (lineage: string) => {
    shared.wipe(`${lineage}/`)
  }
  return {
    signers: createSigners(parts, parts.peers),
    books: createBooks({ ...parts, changed }),
    bindings: createBindings(parts),
    floors: parts.floors,
    log: createLog(parts),
    shared,
  }
}

function requireBip340({ certificate }: HeldKey): void {
  if (factsOf(certificate.roster.skeleton.scheme).verification !== 'bip340') throw new Refusal('bunker.scheme')
}

const receipt = (
  { keys, life, clock, bunker }: Parts,
  { lineage }: HeldKey,
  signer: NostrKey,
): Promise<BunkerReceipt> =>
  keys.sign('bunker-receipt', { lineage, signer, life, books: bunker.books.list(lineage), saidAt: clock() })

/** A key that has a bunker here. Throws `key.unknown`, `nostr.signer_unknown`. */
function keyOf({ vault, bunker }: Parts, { keyId, index, signer }: Omit<HostParams<'bunker.greet'>, 'grant'>): HeldKey {
  const key = vault.key(keyId, index)
  bunker.signers.require({ lineage: key.lineage, signer })
  return key
}

async function load(
  parts: Parts,
  { keyId, index, signer, sealed, books, bindings }: HostParams<'bunker.load'>,
): Promise<HostResult<'bunker.load'>> {
  const { vault, bunker, log } = parts
  const key = vault.key(keyId, index)
  requireBip340(key)
  const resealed = bunker.signers.open(key, signer, sealed)
  const refused: HostResult<'bunker.load'>['refused'] = []
  for (const book of books)
    try {
      await bunker.books.take(key, book)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refused.push({ index: book.body.index, code: error.code })
    }
  await bunker.bindings.learn(key, bindings)
  log({ event: 'bunker.loaded', keyId, index, books: bunker.books.of(key.lineage).size, refused: refused.length })
  return { receipt: await receipt(parts, key, signer), sealed: resealed, refused }
}

/** Says no to the program, in its own terms, where a signing has failed, and writes down why. */
async function refuseEvent(
  parts: Parts,
  { keyId, index, signer, event: given, code }: HostParams<'bunker.refuse'>,
): Promise<HostResult<'bunker.refuse'>> {
  const key = parts.vault.key(keyId, index)
  const { event, read } = opened(parts, key, signer, given)
  const request = read()
  if (request.id === null) throw new Refusal('nostr.request_invalid')
  const { answer, entry } = await ('refused' in request
    ? refuseUnread(parts, key, { signer, event }, { id: request.id, refused: code })
    : refuseTaken(parts, consider(parts, key, signer, event, request), code))
  return { answer, entry }
}

/** A program that showed a URI waits for its secret, encrypted by the signer. */
function greetClient(parts: Parts, params: HostParams<'bunker.greet'>): HostResult<'bunker.greet'> {
  const key = keyOf(parts, params)
  const { bunker, clock } = parts
  for (const { terms } of booksWith(bunker, key, params.signer)) {
    const holder = terms.grants.find(({ id }) => id === params.grant)?.holder
    if (holder?.kind !== 'client' || holder.greeting === null) continue
    const { secret, relays } = holder.greeting
    const text = JSON.stringify(greet(params.grant, secret))
    const place = { lineage: key.lineage, signer: params.signer }
    return { event: bunker.signers.write(place, holder.client, text, Math.floor(clock() / 1_000)), relays }
  }
  throw new Refusal('grant.unknown')
}

/** NIP-42: the signer's own credential, for relays that its books name and for no other. */
function authenticate(parts: Parts, params: HostParams<'bunker.authenticate'>): HostResult<'bunker.authenticate'> {
  const { signer, relay, challenge } = params
  const key = keyOf(parts, params)
  if (!booksWith(parts.bunker, key, signer).some(({ body }) => body.relays.includes(relay)))
    throw new Refusal('grant.unknown')
  const tags = [
    ['relay', relay],
    ['challenge', challenge],
  ]
  const created_at = Math.floor(parts.clock() / 1_000)
  return {
    event: parts.bunker.signers.sign({ lineage: key.lineage, signer }, { created_at, kind: 22_242, tags, content: '' }),
  }
}

/** What is done at once, as a promise: a refusal is a rejection. */
const atOnce =
  <P, R>(handle: (params: P) => R) =>
  (params: P): Promise<R> =>
    Promise.resolve(params).then(handle)

/** The bunkers of this host's keys: NIP-46 inside. */
export function createBunker(parts: Parts, signAhead: SignAhead): Handlers {
  return {
    async create({ keyId, index }) {
      const key = currentKey(parts, keyId, index)
      requireBip340(key)
      const { signer, sealed } = parts.bunker.signers.create(key)
      parts.log({ event: 'bunker.created', keyId, index })
      return { receipt: await receipt(parts, key, signer), sealed: [...sealed] }
    },
    load: (params) => load(parts, params),
    take: (params) => take(parts, signAhead, params),
    sign: (params) => signWithOthers(parts, signAhead, params),
    refuse: (params) => refuseEvent(parts, params),
    greet: atOnce((params) => greetClient(parts, params)),
    authenticate: atOnce((params) => authenticate(parts, params)),
    announce: (params) => announce(parts, params),
  }
}
