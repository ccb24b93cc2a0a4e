import { startLines } from '../processes.ts'
import type { Relay } from '../relay/relay.ts'

/** The relay of this lab in a process of its own, so that its work does not stand in the way of those that are measured. */
export async function startRelayProcess(): Promise<Relay> {
  const { first, close } = await startLines('relay/main')
  return { url: first, close }
}

/** A bunker in a process of its own, for figures. */
export type Measured = Readonly<{ user: string; uri: () => Promise<string>; close: () => Promise<void> }>

/** The baseline beside which a signer's figures stand, over the same relay. */
export async function startBaselineProcess(relay: string): Promise<Measured> {
  const { first, ask, close } = await startLines('baseline/main', relay)
  return { user: first, uri: () => ask('uri'), close }
}
