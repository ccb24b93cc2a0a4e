/** What a relay has seen since it was started. `refused`: a REQ or an EVENT before its sender had said who it is (NIP-42). */
export type Seen = {
  connections: number
  open: number
  requests: number
  events: number
  logins: number
  refused: number
  delivered: number
}

export const nothingSeen = (): Seen => ({
  connections: 0,
  open: 0,
  requests: 0,
  events: 0,
  logins: 0,
  refused: 0,
  delivered: 0,
})

/** A relay on loopback, until whoever started it closes it. */
export type Relay = Readonly<{ url: string; close: () => Promise<void> }>

/** `auth`: nobody reads or writes before NIP-42's AUTH. */
export type RelayOptions = Readonly<{ auth?: boolean }>

export type StartRelay = () => Promise<Relay>
