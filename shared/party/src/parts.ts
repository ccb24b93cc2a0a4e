import type { KnownWords } from '@quorate/shared/crypto/known-words'
import type { Askers } from './making/askers.ts'
import type { GrantUses } from './grant-uses.ts'
import type { BunkerParts } from './bunker/parts.ts'
import type { Floors } from './floors.ts'
import type { Lives } from './lives.ts'
import type { Memories } from './memories.ts'
import type { Peers } from './peers.ts'
import type { PartyPorts } from './ports.ts'
import type { Stocks } from './using/stocks.ts'
import type { Vault } from './vault.ts'

/** What the ceremonies of one party share: what it stands on, and what it holds and remembers. */
export type Parts = PartyPorts &
  Readonly<{
    vault: Vault
    memories: Memories
    lives: Lives
    peers: Peers
    grants: GrantUses
    floors: Floors
    askers: Askers
    stocks: Stocks
    known: KnownWords
    bunker: BunkerParts
  }>
