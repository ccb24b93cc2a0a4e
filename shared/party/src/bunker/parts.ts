import type { Floors } from '../floors.ts'
import type { Bindings } from './bindings.ts'
import type { Books } from './books.ts'
import type { Log } from './log.ts'
import type { SecretCache } from './secret-cache.ts'
import type { Signers } from './signers.ts'

/** What a host holds for the bunkers of its keys. `shared`: x of points that keys share with peers, by lineage and peer. */
export type BunkerParts = Readonly<{
  signers: Signers
  books: Books
  bindings: Bindings
  floors: Floors
  log: Log
  shared: SecretCache
}>
