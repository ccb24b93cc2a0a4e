import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bytesToHex } from '@noble/hashes/utils.js'
import { getPublicKey, type Event } from 'nostr-tools'
import { createNostrConnectURI } from 'nostr-tools/nip46'
import * as z from 'zod'
import { pythonEnvironment, sources } from '../python/environment.ts'
import { unsupported, type Call, type Client, type Driver, type Invitation } from './client.ts'

const NAME = 'nostr-sdk'
const program = join(sources, 'clients/nostr_sdk_client.py')

const Line = z.strictObject({ id: z.int(), result: z.unknown().optional(), error: z.string().optional() })
type Waiting = Readonly<{ resolve: (result: unknown) => void; reject: (error: Error) => void }>

/** The Python process of one client, and what it has been asked. */
class Process {
  readonly #child
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  constructor(python: string, secretKey: Uint8Array) {
    this.#child = spawn(python, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line))
    this.#child.on('close', () => this.#end())
    this.#child.stdin.on('error', () => this.#end())
    this.#child.stdin.write(`${bytesToHex(secretKey)}\n`)
  }

  ask(call: Call, ...args: unknown[]): Promise<unknown> {
    const id = (this.#asked += 1)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ id, call, args })}\n`)
    })
  }

  /** Its work ends with its input; what the library still does in the background does not matter. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill()
    await closed
  }

  #hear(line: string): void {
    const { id, result, error } = Line.parse(JSON.parse(line))
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('nostr-sdk: the process has ended'))
    this.#waiting.clear()
  }
}

/** The library reads no `nostrconnect://` URI without this parameter of an earlier NIP-46. */
const metadata = encodeURIComponent(JSON.stringify({ name: 'lab' }))

/** The library takes a `nostrconnect://` URI in place of `bunker://`, and waits to be answered. */
async function invite(relay: string, secretKey: Uint8Array): Promise<Invitation> {
  const client = await open(secretKey)
  const secret = crypto.randomUUID()
  const uri = `${createNostrConnectURI({ clientPubkey: getPublicKey(secretKey), relays: [relay], secret })}&metadata=${metadata}`
  return { uri, accepted: client.connect(uri).then(() => client), close: client.close }
}

async function open(secretKey: Uint8Array): Promise<Client> {
  const environment = await pythonEnvironment()
  if ('missing' in environment) throw new Error(environment.missing)
  const child = new Process(environment.python, secretKey)
  const text = async (call: Call, ...args: string[]): Promise<string> =>
    z.string().parse(await child.ask(call, ...args))
  return {
    connect: async (uri) => {
      await child.ask('connect', uri)
    },
    getPublicKey: () => text('getPublicKey'),
    signEvent: async (template) => (await child.ask('signEvent', template)) as Event,
    nip44Encrypt: (peer, message) => text('nip44Encrypt', peer, message),
    nip44Decrypt: (peer, message) => text('nip44Decrypt', peer, message),
    nip04Encrypt: (peer, message) => text('nip04Encrypt', peer, message),
    nip04Decrypt: (peer, message) => text('nip04Decrypt', peer, message),
    switchRelays: unsupported(NAME, 'switchRelays'),
    logout: unsupported(NAME, 'logout'),
    ping: unsupported(NAME, 'ping'),
    raw: unsupported(NAME, 'raw'),
    close: () => child.close(),
  }
}

/** rust-nostr's `NostrConnect`, by its Python package. It connects before its first request, and has no call for the rest. */
export const nostrSdk: Driver = {
  name: NAME,
  lacks: ['switchRelays', 'logout', 'ping', 'raw'],
  longMessages: false,
  missing: async () => {
    const environment = await pythonEnvironment()
    return 'missing' in environment ? environment.missing : null
  },
  open,
  invite,
}
