/** What the suite and the bench want of a bunker, whoever runs it. */
export type Signer = Readonly<{
  /** A `bunker://` URI with a secret that nobody has used. */
  uri: () => Promise<string>
  /** The key that events are signed with, in hex. */
  user: string
  /** Answers the client that shows this `nostrconnect://` URI. */
  accept: (uri: string) => Promise<void>
  /** Ends the signer and starts it on what it had written down. Without it the suite leaves its row out. */
  restart?: () => Promise<void>
  close: () => Promise<void>
}>

/** Starts a bunker that serves over this relay, and nothing else. It is there when the promise is fulfilled. */
export type OpenSigner = (relay: string) => Promise<Signer>
