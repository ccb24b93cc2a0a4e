import type { Command } from 'commander'
import type { World } from '../../session.ts'
import type { ExitCode } from '../../usage.ts'
import { addCreate, addImportBunker } from './create.ts'
import { addGrants, addRenew, addRevoke, addSecond } from './grants.ts'
import { addLog } from './log.ts'
import { addConnect, addNarrow, addOffer } from './offer.ts'
import { addVerifyBunker } from './verify.ts'
import { addApproveWaiting, addRejectWaiting, addWaiting } from './waiting.ts'

const about = `
A program signs with a key over relays (NIP-46), as far as its owners let it. Each owner decides over the own share: as many as the
threshold say the same.

  alice$ quorate bunker create KEY --relay wss://relay.example
  alice$ quorate bunker offer KEY --preset notes                  # a connection string for one program
  bob$   quorate bunker second KEY GRANT
  alice$ quorate bunker waiting KEY                               # what was not granted, and asks
  alice$ quorate bunker revoke KEY --all`

/** `quorate bunker`: programs sign with a key, as far as its owners let them. */
export function addBunker(program: Command, world: World, exit: (code: ExitCode) => void): void {
  const bunker = program
    .command('bunker')
    .description('let programs sign with a key over Nostr relays (NIP-46)')
    .addHelpText('after', about)
  addCreate(bunker, world)
  addImportBunker(bunker, world)
  addOffer(bunker, world)
  addConnect(bunker, world)
  addGrants(bunker, world)
  addSecond(bunker, world)
  addNarrow(bunker, world)
  addRevoke(bunker, world)
  addWaiting(bunker, world)
  addApproveWaiting(bunker, world)
  addRejectWaiting(bunker, world)
  addLog(bunker, world, exit)
  addVerifyBunker(bunker, world)
  addRenew(bunker, world)
}
