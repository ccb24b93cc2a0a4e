import type { KnownWords } from '@quorate/shared/crypto/known-words'
import { digestOf } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import type { Bound } from '@quorate/shared/bunker/clients'
import type { HandOn } from '@quorate/shared/nostr/hand-on'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Binding } from '@quorate/shared/wire/bunker'
import type { Digest, GrantId } from '@quorate/shared/wire/ids'
import type { HostKeys } from '../ports.ts'
import type { HeldKey } from '../vault.ts'

type Ports = Readonly<{ keys: HostKeys; clock: () => number; known: KnownWords }>

/** Of one key. Grants come and go, and with an old one goes what is bound to it. */
const MOST_OF_KEY = 2_048

/** Which program came first with the secret of an offer or by what was handed on, and which has logged out: what this host has seen, or believes others. */
export type Bindings = Readonly<{
  of: (lineage: Digest) => ReadonlyMap<GrantId, Bound>
  /** The first client with an offer has it. Gives this host's word; null when another client has it. */
  bind: (lineage: Digest, grant: GrantId, client: NostrKey, handOn?: HandOn) => Promise<Binding | null>
  /** A client has logged out. */
  end: (lineage: Digest, grant: GrantId, client: NostrKey) => Promise<Binding>
  /**
   * What this host, or others of the key, saw in earlier lives. Its own word counts, and what the hosts of a quorum say. That a client is gone
   * counts whoever of them says it. What no host of the key signed is left out.
   */
  learn: (key: HeldKey, words: readonly Binding[]) => Promise<void>
}>

/** Host's V → how many participants it hosts. */
function weightsOf({ certificate }: HeldKey): Map<string, number> {
  const weights = new Map<string, number>()
  for (const { host } of certificate.roster.skeleton.participants) {
    const { signKey } = host.identity
    weights.set(signKey, (weights.get(signKey) ?? 0) + 1)
  }
  return weights
}

type Kept = Map<Digest, Map<GrantId, Bound>>

function ofKey(kept: Kept, lineage: Digest): Map<GrantId, Bound> {
  const bound = kept.get(lineage) ?? new Map<GrantId, Bound>()
  kept.set(lineage, bound)
  return bound
}

function set(kept: Kept, lineage: Digest, grant: GrantId, bound: Bound): void {
  const all = ofKey(kept, lineage)
  if (!all.has(grant) && all.size >= MOST_OF_KEY) throw new Refusal('nostr.full')
  all.set(grant, bound)
}

/** Takes what its own host said, what the hosts of a quorum say alike, and every end. A host is brought them again and again. */
async function learn(
  kept: Kept,
  { keys, known: heard }: Ports,
  key: HeldKey,
  words: readonly Binding[],
): Promise<void> {
  const own = keys.identity.signKey
  const { lineage, certificate } = key
  const weights = weightsOf(key)
  const said = new Map<string, Set<string>>()
  for (const word of words) {
    const { grant, client, ended, handOn } = word.body
    const isOfKey = word.body.lineage === lineage
    const host = isOfKey ? await heard.signerOf([...weights.keys()], 'binding', word) : null
    if (host === null) continue
    const known = ofKey(kept, lineage).get(grant)
    if (ended && (known === undefined || known.client === client)) set(kept, lineage, grant, { client, ended, handOn })
    if (ended || known !== undefined) continue
    const name = digestOf('binding', { grant, client, handOn })
    const hosts = (said.get(name) ?? new Set()).add(host)
    said.set(name, hosts)
    const weight = [...hosts].reduce((sum, one) => sum + (weights.get(one) ?? 0), 0)
    const isKnown = hosts.has(own) || weight >= certificate.roster.skeleton.threshold
    if (isKnown) set(kept, lineage, grant, { client, ended: false, handOn })
  }
}

export function createBindings(ports: Ports): Bindings {
  const { keys, clock } = ports
  const kept: Kept = new Map()
  const say = (lineage: Digest, grant: GrantId, bound: Bound): Promise<Binding> => {
    set(kept, lineage, grant, bound)
    return keys.sign('binding', { lineage, grant, since: clock(), ...bound })
  }
  return {
    of: (lineage) => kept.get(lineage) ?? new Map(),
    async bind(lineage, grant, client, handOn) {
      const known = ofKey(kept, lineage).get(grant)
      if (known !== undefined && (known.client !== client || known.ended)) return null
      return say(lineage, grant, { client, ended: false, handOn: handOn ?? null })
    },
    end: (lineage, grant, client) => say(lineage, grant, { client, ended: true, handOn: null }),
    learn: (key, words) => learn(kept, ports, key, words),
  }
}
