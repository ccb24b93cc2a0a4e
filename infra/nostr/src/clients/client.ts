import type { Event, EventTemplate } from 'nostr-tools'

/** One client of a bunker. All of them speak through a library that others wrote; errors are the library's. */
export type Client = Readonly<{
  connect: (bunkerUri: string) => Promise<void>
  getPublicKey: () => Promise<string>
  signEvent: (template: EventTemplate) => Promise<Event>
  nip44Encrypt: (peer: string, text: string) => Promise<string>
  nip44Decrypt: (peer: string, text: string) => Promise<string>
  nip04Encrypt: (peer: string, text: string) => Promise<string>
  nip04Decrypt: (peer: string, text: string) => Promise<string>
  /** Whatever the library gives to its caller. */
  switchRelays: () => Promise<unknown>
  logout: () => Promise<void>
  ping: () => Promise<void>
  /** The result of any method as the bunker wrote it. */
  raw: (method: string, params: string[]) => Promise<string>
  close: () => Promise<void>
}>

export type Call = keyof Client

/** A client that has shown a `nostrconnect://` URI, and one that a bunker then answered. */
export type Invitation = Readonly<{ uri: string; accepted: Promise<Client>; close: () => Promise<void> }>

/** A library, and what it cannot do. */
export type Driver = Readonly<{
  name: string
  /** What the library has no call for: the call rejects with `unsupported`. */
  lacks: readonly Call[]
  /** Whether it reads and writes NIP-44 payloads above 65,535 bytes. */
  longMessages: boolean
  /** Why the library cannot be used on this machine, or `null`. */
  missing: () => Promise<string | null>
  open: (secretKey: Uint8Array) => Promise<Client>
  /** Where the library can begin by itself. */
  invite?: (relay: string, secretKey: Uint8Array) => Promise<Invitation>
}>

export const unsupported =
  (name: string, call: Call): (() => Promise<never>) =>
  () =>
    Promise.reject(new Error(`unsupported: ${name} has no ${call}`))

type Called = Pick<
  Client,
  'getPublicKey' | 'signEvent' | 'nip44Encrypt' | 'nip44Decrypt' | 'nip04Encrypt' | 'nip04Decrypt' | 'switchRelays'
> &
  Readonly<{ logout: () => Promise<unknown>; ping: () => Promise<unknown> }>

/** The calls that a library names as we do, of the signer that `use` gives. */
export const callsOf = (use: () => Called) => ({
  getPublicKey: () => saying(use().getPublicKey()),
  signEvent: (template: EventTemplate) => saying(use().signEvent(template)),
  nip44Encrypt: (peer: string, text: string) => saying(use().nip44Encrypt(peer, text)),
  nip44Decrypt: (peer: string, text: string) => saying(use().nip44Decrypt(peer, text)),
  nip04Encrypt: (peer: string, text: string) => saying(use().nip04Encrypt(peer, text)),
  nip04Decrypt: (peer: string, text: string) => saying(use().nip04Decrypt(peer, text)),
  switchRelays: () => saying(use().switchRelays()),
  logout: async () => {
    await saying(use().logout())
  },
  ping: async () => {
    await saying(use().ping())
  },
})

/** A close that is done at once. */
export const closing = (close: () => void) => (): Promise<void> => {
  close()
  return Promise.resolve()
}

/** Errors as errors: some libraries reject with the text alone. */
export const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(typeof error === 'string' ? error : JSON.stringify(error))

/** A call's promise with its rejection as an error. */
export async function saying<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw asError(error)
  }
}
