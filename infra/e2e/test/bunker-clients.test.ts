import { checkSigner } from '@quorate/nostr-lab/check-signer'
import { FleetSigner } from '@quorate/local/bunker/fleet-signer'

/*
 * Stock clients, as their authors ship them, over a real relay, against a fleet: three enclaves, a gateway, two owners whose books let
 * programs in.
 */
checkSigner((relay) => FleetSigner.open(relay))
