import { generateSecretKey } from 'nostr-tools'
import { noticed } from '../../../../shared/test/noticing.js'
import type { Client, Driver, Invitation } from '../clients/client.ts'
import { Faults } from '../faults/proxy.ts'
import type { Relay, StartRelay } from '../relay/relay.ts'
import type { OpenSigner, Signer } from '../signer.ts'
import { Witness } from './witness.ts'

/** A client of the library that is tried, with all that the test needs to know of it. */
export type Visit = Readonly<{ client: Client; secretKey: Uint8Array; uri: string }>

/** The place of one suite: clients reach the relay directly, the signer behind faults. */
export class Lab {
  readonly relay: Relay
  readonly faults: Faults
  readonly signer: Signer
  readonly #closing: (() => unknown)[] = []

  private constructor(relay: Relay, faults: Faults, signer: Signer) {
    this.relay = relay
    this.faults = faults
    this.signer = signer
  }

  static async open(openSigner: OpenSigner, startRelay: StartRelay): Promise<Lab> {
    const relay = await startRelay()
    const faults = await Faults.start(relay.url, noticed)
    return new Lab(relay, faults, await openSigner(faults.url))
  }

  /** A URI of the signer that nobody has used, over the relay itself. */
  async uri(): Promise<string> {
    const uri = new URL(await this.signer.uri())
    uri.searchParams.delete('relay')
    uri.searchParams.append('relay', this.relay.url)
    return uri.href
  }

  /** A client that has not connected. */
  async enter(driver: Driver, secretKey = generateSecretKey()): Promise<Client> {
    const client = await driver.open(secretKey)
    this.#closing.push(() => client.close())
    return client
  }

  async connect(driver: Driver): Promise<Visit> {
    const secretKey = generateSecretKey()
    const [client, uri] = [await this.enter(driver, secretKey), await this.uri()]
    await client.connect(uri)
    return { client, secretKey, uri }
  }

  /** A client that shows a URI, when the relay will send it what comes. */
  async invite(invite: NonNullable<Driver['invite']>): Promise<Invitation> {
    const way = await Faults.start(this.relay.url)
    const listens = new Promise<void>((resolve) => {
      way.order(({ from, verb }) => {
        if (from === 'relay' && verb === 'EOSE') resolve()
        return 'pass'
      })
    })
    const invitation = await invite(way.url, generateSecretKey())
    this.#closing.push(
      () => invitation.close(),
      () => way.close(),
    )
    await listens
    return invitation
  }

  /** Asks for the user's key as this client and beside its library, without connecting. Throws `refused` when the signer says so. */
  async probe(secretKey: Uint8Array, uri: string): Promise<string> {
    const witness = await this.watch({ secretKey })
    const { result, error } = await witness.ask(new URL(uri).host, 'get_public_key')
    if (error !== undefined || result === undefined) throw new Error(`refused: ${error}`)
    return result
  }

  /** Cuts the signer's connections, and waits until the relay has promised to send it what comes. */
  async dropSigner(uri: string): Promise<void> {
    // A client that has gone where the signer told it is behind the same faults, and is left alone.
    const signer = new URL(uri).host
    const back = new Promise<void>((resolve) => {
      this.faults.order(({ from, verb }) => {
        if (from === 'relay' && verb === 'EOSE') resolve()
        return 'pass'
      })
    })
    if (this.faults.drop(signer) === 0) throw new Error('the signer had no connection')
    await back
  }

  /** Reads all that the signer answers this client from now on. */
  async watch({ secretKey }: Pick<Visit, 'secretKey'>): Promise<Witness> {
    const witness = await Witness.open(this.relay.url, secretKey)
    this.#closing.push(() => witness.close())
    return witness
  }

  /** Ends what a test has begun. */
  async tidy(): Promise<void> {
    this.faults.order(null)
    this.faults.release()
    for (const close of this.#closing.splice(0).reverse()) await close()
  }

  async close(): Promise<void> {
    await this.signer.close()
    await this.faults.close()
    await this.relay.close()
  }
}
