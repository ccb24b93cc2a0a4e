import { sha256 } from '@noble/hashes/sha2.js'
import type { Mpc } from '@quorate/shared/mpc'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { toHex } from '@quorate/shared/wire/bytes'
import { createKnownBooks, type KnownBooks } from './bunker/known-books.ts'
import { createAttestor, type Attestor } from './attest.ts'
import { createClocks } from './clocks.ts'
import { createClient, type Client, type ClientOptions } from './http/client.ts'
import { createReader, readerSigner, type Reader } from './http/reader.ts'
import { createHostLives, warnOfFork, type ForkedHost, type HostLives } from './host-lives.ts'
import { createKnownKeys, type KnownKeys } from './known-keys.ts'
import { mpcHere } from './wasm.ts'

/** What every operation at one gateway shares: the connection, whom we have seen proved, what is known of keys, and the tokens for reading. */
export type Context = Readonly<{
  client: Client
  attestor: Attestor
  trust: TrustPolicy
  known: KnownKeys
  books: KnownBooks
  lives: HostLives
  now: () => number
  mpc: () => Promise<Mpc>
  readerOf: (keyId: string, sessionSecret: Uint8Array) => Promise<Reader>
}>

export type ContextOptions = Omit<ClientOptions, 'clocks'> &
  Readonly<{
    /** Whom to take for an enclave: root certificates (PEM) and accepted measurements. */
    trust: TrustPolicy
    /** Milliseconds for which an enclave that has proved itself is not asked again. Five minutes; 0 for never. */
    rememberAttestation?: number | undefined
    now?: (() => number) | undefined
    /** Told when two processes sign as one host; a warning on the console unless said otherwise. */
    onForked?: ((fork: ForkedHost) => void) | undefined
  }>

export function createContext({
  trust,
  rememberAttestation = 300_000,
  now = Date.now,
  onForked = warnOfFork,
  ...rest
}: ContextOptions): Context {
  const clocks = createClocks(now)
  const client = createClient({ ...rest, clocks })
  const readers = new Map<string, Promise<Reader>>()

  // To derive the signer costs as much as a call, and a key is read again and again.
  const readerOf = (keyId: string, sessionSecret: Uint8Array): Promise<Reader> => {
    const name = `${keyId} ${toHex(sha256(sessionSecret))}`
    let reader = readers.get(name)
    if (reader === undefined) {
      reader = readerSigner(sessionSecret).then((signer) => createReader(client, keyId, signer, now))
      readers.set(name, reader)
    }
    return reader
  }
  const lives = createHostLives(onForked)
  const attestor = createAttestor({ client, trust, clocks, lives, remember: rememberAttestation })
  return {
    client,
    attestor,
    trust,
    known: createKnownKeys(),
    books: createKnownBooks(),
    lives,
    now,
    mpc: () => mpcHere(),
    readerOf,
  }
}
