import type { Askers } from './making/askers.ts'
import type { GrantUses } from './grant-uses.ts'
import type { Memories } from './memories.ts'
import type { Peers } from './peers.ts'
import type { PartyPorts } from './ports.ts'
import type { Vault } from './vault.ts'

/** What the ceremonies of one party share: what it stands on, and what it holds and remembers. */
export type Parts = PartyPorts &
  Readonly<{ vault: Vault; memories: Memories; peers: Peers; grants: GrantUses; askers: Askers }>
