import {
  createOutgoingClosedMessage,
  createOutgoingEventMessage,
  createOutgoingOkMessage,
  MessageType,
  type BroadcastPlugin,
  type Client,
  type ClientContext,
  type Event,
  type HandleMessagePlugin,
  type HandleMessageResult,
  type IncomingMessage,
} from '@nostr-relay/common'
import { matches } from './matches.ts'
import type { Seen } from './relay.ts'

const authRequired = 'auth-required: say who you are first'

/**
 * What the package leaves to its user, as a plugin of it: who may read and write, what was seen, and to whom a live event goes. Its own
 * way would deliver an event to each subscription of the kind, whatever tags that asked for.
 */
export class House implements HandleMessagePlugin, BroadcastPlugin {
  readonly #auth: boolean
  readonly #seen: Seen
  readonly #contexts = new Map<Client, ClientContext>()

  constructor(auth: boolean, seen: Seen) {
    this.#auth = auth
    this.#seen = seen
  }

  async handleMessage(
    context: ClientContext,
    message: IncomingMessage,
    next: () => Promise<HandleMessageResult>,
  ): Promise<HandleMessageResult> {
    this.#contexts.set(context.client, context)
    const [verb] = message
    if (verb === MessageType.REQ || verb === MessageType.EVENT) {
      if (this.#auth && context.pubkey === undefined) {
        this.#refuse(context, message)
        return
      }
      this.#seen[verb === MessageType.REQ ? 'requests' : 'events'] += 1
    }
    const result = await next()
    if (verb === MessageType.AUTH && context.pubkey !== undefined) this.#seen.logins += 1
    return result
  }

  /** In place of the package's own, which is not called. */
  broadcast(event: Event): Promise<void> {
    for (const context of this.#contexts.values())
      for (const [subscription, filters] of context.subscriptions.entries()) {
        if (!matches(filters, event)) continue
        context.sendMessage(createOutgoingEventMessage(subscription, event))
        this.#seen.delivered += 1
      }
    return Promise.resolve()
  }

  left(client: Client): void {
    this.#contexts.delete(client)
  }

  #refuse(context: ClientContext, message: IncomingMessage): void {
    this.#seen.refused += 1
    if (message[0] === MessageType.EVENT)
      context.sendMessage(createOutgoingOkMessage(message[1].id, false, authRequired))
    if (message[0] === MessageType.REQ) context.sendMessage(createOutgoingClosedMessage(message[1], authRequired))
  }
}
