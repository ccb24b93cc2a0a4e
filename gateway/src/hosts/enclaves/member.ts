import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Refusal } from '@quorate/shared/errors'
import type { Address } from '@quorate/shared/wire/address'
import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { delayAfter } from '../../engine/back-off.ts'
import { openConnection, type Connection } from './connection.ts'
import type { HostEvent } from '../../engine/ports.ts'
import type { EnclaveEvents, EnclaveStatus, Roots } from './enclaves.ts'
import { Pace } from './pace.ts'
import { callOver } from './rpc.ts'
import type { Timing } from './timing.ts'
import { unlock } from './unlock.ts'

export type MemberPorts = {
  roots: Roots
  events: EnclaveEvents
  tell: (event: HostEvent) => void
  timing: Timing
}

/**
 * Asks `hello`. One that is not answered in time says nothing of an enclave that is at work: it is asked again while a call is in
 * flight that was so by then and is within its limit. Later calls give no more time, so that a stuck enclave is found out.
 */
async function greet(connection: Connection, healthMs: number): Promise<HostResult<'hello'>> {
  let until: number | null = null
  for (;;) {
    try {
      return await callOver(connection, 'hello', {}, healthMs)
    } catch (reason) {
      until ??= connection.busyUntil()
      const isLate = reason instanceof Refusal && reason.code === 'enclave.timeout'
      if (!isLate || performance.now() >= until) throw reason
    }
  }
}

/**
 * One enclave behind its connections. Each connection lives its own life: it connects, asks `hello` as long as it
 * stands, and comes back with a growing pause when it breaks. The first that hears of a boot opens the root for all.
 */
export class Member {
  readonly #id: EnclaveId
  readonly #address: Address
  readonly #ports: MemberPorts
  readonly #stop = new AbortController()
  /** Connections whose last hello was answered, with the bootId of that answer. */
  readonly #well = new Map<Connection, string>()
  readonly #lives: Promise<void>[] = []
  #state: EnclaveStatus['state'] = 'down'
  #identity: EnclaveIdentity | null = null
  #sealing: SealingClaims | null = null
  #bootId: string | null = null
  /** The code of the last failed unlocking. It is logged once and not with every hello. */
  #trouble: string | null = null
  #unlocking: { bootId: string; done: Promise<void> } | null = null
  /** Paces unlocking over all connections, since a KMS that refuses may be asked too much already. */
  readonly #pace: Pace

  constructor(id: EnclaveId, address: Address, ports: MemberPorts) {
    this.#pace = new Pace(ports.timing.unlockBackOff)
    this.#id = id
    this.#address = address
    this.#ports = ports
    for (let n = 0; n < ports.timing.connectionsPerEnclave; n += 1) this.#lives.push(this.#keepConnected())
  }

  status(): EnclaveStatus {
    return { state: this.#state, identity: this.#identity, sealing: this.#sealing }
  }

  bootId(): string | null {
    return this.#bootId
  }

  async call<M extends HostMethod>(method: M, params: HostParams<M>, deadlineMs: number): Promise<HostResult<M>> {
    const connection = this.#leastBusy()
    try {
      return await callOver(connection, method, params, deadlineMs)
    } catch (reason) {
      // The enclave has restarted, and no hello has said so yet: every connection asks anew.
      if (reason instanceof Refusal && reason.code === 'enclave.locked') this.#dropAllBut(null)
      // A manifest has come into force since the last hello.
      if (reason instanceof Refusal && reason.code === 'image.retired' && this.#isOpen()) this.#become('retired')
      throw reason
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#lives)
  }

  #leastBusy(): Connection {
    if (this.#state === 'locked') throw new Refusal('enclave.locked')
    let inFlight = 0
    let chosen: Connection | null = null
    for (const connection of this.#well.keys()) {
      inFlight += connection.inFlight()
      if (chosen === null || connection.inFlight() < chosen.inFlight()) chosen = connection
    }
    if (chosen === null) throw new Refusal('enclave.unreachable')
    if (inFlight >= this.#ports.timing.inFlightPerEnclave) throw new Refusal('enclave.busy')
    return chosen
  }

  async #keepConnected(): Promise<void> {
    let failures = 0
    while (!this.#stop.signal.aborted) {
      failures = (await this.#liveOnce()) ? 1 : failures + 1
      await this.#pause(delayAfter(failures, this.#ports.timing.backOff))
    }
  }

  /** Lives one connection from its start to its end. True when a hello was ever answered on it. */
  async #liveOnce(): Promise<boolean> {
    const { connectMs, healthEveryMs } = this.#ports.timing
    const connection = await openConnection(this.#address, connectMs, this.#stop.signal).catch(() => null)
    if (connection === null) return false
    let wasWell = false
    const hangUp = () => connection.close()
    this.#stop.signal.addEventListener('abort', hangUp)
    try {
      while (connection.isOpen() && !this.#stop.signal.aborted) {
        await this.#checkHealth(connection)
        wasWell = true
        await Promise.race([this.#pause(healthEveryMs), connection.closed])
      }
    } catch {
      // No answer to hello, or a wrong one: this connection is of no use any more.
    }
    this.#stop.signal.removeEventListener('abort', hangUp)
    connection.close()
    this.#lose(connection)
    return wasWell
  }

  async #checkHealth(connection: Connection): Promise<void> {
    const hello = await greet(connection, this.#ports.timing.healthMs)
    if (hello.bootId !== this.#bootId) this.#noticeBoot(hello.bootId, connection)
    this.#well.set(connection, hello.bootId)
    this.#sealing = hello.sealing
    if (this.#isOpen() && !hello.locked && isDeepStrictEqual(hello.identity, this.#identity)) {
      this.#become(hello.retired ? 'retired' : 'ready')
      return
    }
    if (this.#isOpen()) this.#tellDown()
    this.#state = 'locked'
    if (this.#unlocking?.bootId !== hello.bootId) {
      if (!this.#pace.isDue()) return
      this.#unlocking = { bootId: hello.bootId, done: this.#unlock(connection, hello) }
    }
    await this.#unlocking.done
  }

  #noticeBoot(bootId: string, connection: Connection): void {
    const restarted = this.#bootId !== null
    this.#bootId = bootId
    this.#unlocking = null
    this.#pace.reset()
    if (!restarted) return
    this.#dropAllBut(connection)
    if (this.#isOpen()) this.#state = 'locked'
    this.#ports.events.enclaveRestarted(this.#id)
    this.#ports.tell({ type: 'restarted', host: this.#id })
  }

  /** Never throws: a later hello tries again. */
  async #unlock(connection: Connection, hello: HostResult<'hello'>): Promise<void> {
    const { roots, events, timing } = this.#ports
    try {
      const identity = await unlock(this.#id, connection, hello, { roots, events, bootMs: timing.bootMs })
      // With its root it was given the manifests that it has taken.
      const { retired } = await greet(connection, timing.healthMs)
      if (this.#bootId !== hello.bootId || this.#well.size === 0) return
      this.#identity = identity
      this.#trouble = null
      this.#pace.reset()
      this.#become(retired ? 'retired' : 'ready')
    } catch (reason) {
      const code = reason instanceof Refusal ? reason.code : 'internal'
      if (code !== this.#trouble) events.enclaveNotReady(this.#id, code)
      this.#trouble = code
      this.#pace.failed()
    } finally {
      if (this.#unlocking?.bootId === hello.bootId) this.#unlocking = null
    }
  }

  /** Has it shown that its root is open, as of its last hello? */
  #isOpen(): boolean {
    return this.#state === 'ready' || this.#state === 'retired'
  }

  #become(state: 'ready' | 'retired'): void {
    if (this.#state === state) return
    const { events, tell } = this.#ports
    this.#state = state
    if (state === 'ready') events.enclaveReady(this.#id)
    else events.enclaveRetired(this.#id)
    tell({ type: state, host: this.#id })
  }

  #lose(connection: Connection): void {
    if (!this.#well.delete(connection) || this.#well.size > 0 || this.#state === 'down') return
    this.#state = 'down'
    if (!this.#stop.signal.aborted) this.#tellDown()
  }

  #tellDown(): void {
    this.#ports.events.enclaveDown(this.#id)
    this.#ports.tell({ type: 'down', host: this.#id })
  }

  #dropAllBut(kept: Connection | null): void {
    for (const connection of [...this.#well.keys()]) if (connection !== kept) connection.close()
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
