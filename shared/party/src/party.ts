import {
  longMethods,
  type HostParams,
  type HostResult,
  type PartyMethod,
} from '@quorate/shared/ceremonies/host-methods'
import { KnownWords } from '@quorate/shared/crypto/known-words'
import { createBunker, createBunkerParts } from './bunker/bunker.ts'
import { createFloors } from './floors.ts'
import { createGrantUses } from './grant-uses.ts'
import { createAskers } from './making/askers.ts'
import { createEpochChange } from './making/epoch-change.ts'
import { createKeygens } from './making/keygen.ts'
import { createRefreshRounds } from './making/refresh.ts'
import { createLives } from './lives.ts'
import { createMemories } from './memories.ts'
import type { Parts } from './parts.ts'
import { createPeers } from './peers.ts'
import type { GiveWay, PartyPorts } from './ports.ts'
import { createRecall } from './recall.ts'
import { createTurn } from './turn.ts'
import { createSignings } from './using/signing.ts'
import { Stocks } from './using/stocks.ts'
import { createVault } from './vault.ts'

/** What whoever holds a share answers, method by method. Every handler throws a `Refusal` or answers. */
export type Party = Readonly<{ [M in PartyMethod]: (params: HostParams<M>) => Promise<HostResult<M>> }>

/** Words that were verified before. About 5 MB. */
const MOST_KNOWN = 20_000

type Prefixed<K extends string, H> = { readonly [R in keyof H & string as `${K}.${R}`]: H[R] }

/** The handlers of one kind, each under `kind.name`. */
const named = <K extends string, H extends object>(kind: K, handlers: H): Prefixed<K, H> =>
  Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [`${kind}.${name}`, handle])) as Prefixed<K, H>

/** How hosts of one key come to know each other. */
const acquaintance = ({ peers }: Parts) =>
  ({
    challenge: () => Promise.resolve({ nonce: peers.challenge() }),
    introduce: async ({ peer, nonce }) => {
      await peers.introduce(peer, nonce)
      return {}
    },
  }) satisfies Partial<Party>

const keeping = ({ vault }: Parts) =>
  ({
    load: async (share: HostParams<'key.load'>) => {
      await vault.load(share)
      return {}
    },
  }) as const

/**
 * Answers one call after the other, and before each gives way to whatever has come in meanwhile: a host says hello at any time. Rounds in
 * which a seat computes for long take turns among themselves, so that signings go between them.
 */
function inTurns(party: Party, giveWay: GiveWay): Party {
  const [long, short] = [createTurn(giveWay), createTurn(giveWay)]
  const handlers = Object.entries(party).map(([method, handle]) => {
    const turn = longMethods.has(method) ? long : short
    // The same handler under its own name.
    const asked = handle as (params: unknown) => Promise<unknown>
    return [method, (params: unknown) => turn(() => asked(params))] as const
  })
  return Object.fromEntries(handlers) as Party
}

/** A holder of shares on these ports: the same program in an enclave, in a browser and in a remote signer. */
export function createParty(ports: PartyPorts): Party {
  const memories = createMemories()
  const lives = createLives()
  const held = {
    ...ports,
    memories,
    lives,
    vault: createVault({ ...ports, memories }),
    peers: createPeers({ ...ports, lives }),
    grants: createGrantUses(ports.life),
    floors: createFloors(ports.life),
    askers: createAskers(),
    stocks: new Stocks(ports),
    known: new KnownWords(MOST_KNOWN),
  }
  const parts: Parts = { ...held, bunker: createBunkerParts(held) }
  const signings = createSignings(parts)
  const epochChange = createEpochChange(parts)
  const party: Party = {
    ...acquaintance(parts),
    ...named('key', keeping(parts)),
    ...named('recall', createRecall(parts)),
    ...named('keygen', { ...createKeygens(parts), ...epochChange }),
    ...named('refresh', { ...createRefreshRounds(parts), ...epochChange }),
    ...named('signing', signings.handlers),
    ...named('bunker', createBunker(parts, signings.signAhead)),
  }
  return inTurns(party, ports.giveWay)
}
