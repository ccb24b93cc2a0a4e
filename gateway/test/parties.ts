import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { hostMethods, type HostMethod, type HostParams, type HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import { introduceAll, sealing, startHosts, type Group, type Host } from '../../shared/party/test/host.js'
import { noticed, until } from '../../shared/test/noticing.js'
import type { HostEvent } from '../src/engine/ports.ts'
import type { Enclaves, EnclaveStatus } from '../src/hosts/enclaves/enclaves.ts'
import { createIntroductions, type Introductions } from '../src/hosts/enclaves/introductions.ts'

type Call = { enclaveId: EnclaveId; method: HostMethod; params: unknown }
type Fault = { enclaveId: string; method: HostMethod; then: RefusalCode | (() => unknown); culprits: number[] }
type Place = { readonly host: Host; state: 'ready' | 'down' }

/** Parties in this process where the gateway has its enclaves. They answer as they must, until a test makes one fail. */
export class PartiesAsEnclaves implements Enclaves {
  readonly calls: Call[] = []
  readonly group: Group<Host>
  readonly #places: ReadonlyMap<EnclaveId, Place>
  readonly #listeners = new Set<(event: HostEvent) => void>()
  readonly #acquaintance: Introductions
  #faults: Fault[] = []
  introductions = 0

  private constructor(group: Group<Host>) {
    this.group = group
    this.#places = new Map(group.members.map((host) => [host.identity.enclaveId, { host, state: 'ready' as const }]))
    this.#acquaintance = createIntroductions(
      (id, method, params) => this.ask(id, method, params),
      (id) => this.host(id).bootId(),
    )
  }

  static async start(size = 3): Promise<PartiesAsEnclaves> {
    return new PartiesAsEnclaves(await startHosts({ size }))
  }

  /** As if they had made a key together before: nothing of it counts as asked by the gateway. */
  acquaint(): Promise<void> {
    return introduceAll(this.group.members)
  }

  /** How many listen for what becomes of them. */
  get listeners(): number {
    return this.#listeners.size
  }

  ids(): EnclaveId[] {
    return [...this.#places.keys()]
  }

  life(id: EnclaveId): string {
    return this.host(id).bootId()
  }

  #place(id: string): Place {
    const place = this.#places.get(id as EnclaveId)
    if (!place) throw new Error(`no enclave ${id}`)
    return place
  }

  host(id: string): Host {
    return this.#place(id).host
  }

  state(id: EnclaveId): EnclaveStatus['state'] {
    return this.#place(id).state
  }

  status(id: EnclaveId): EnclaveStatus {
    const { state, host } = this.#place(id)
    return { state, identity: state === 'ready' ? host.identity : null, sealing }
  }

  subscribe(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener)
    noticed()
    return () => this.#listeners.delete(listener)
  }

  introduce(ids: readonly EnclaveId[]): Promise<void> {
    this.introductions += 1
    return this.#acquaintance.introduce(ids)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** The next call of `method` there is refused, or is done after `then` has run. */
  fault(enclaveId: string, method: HostMethod, then: Fault['then'], culprits: number[] = []): void {
    this.#faults.push({ enclaveId, method, then, culprits })
  }

  /** What was to fail, and has not, does not. */
  forgetFaults(): void {
    this.#faults = []
  }

  /** The next call of `method` there hangs until the test says that its time is over. */
  hang(enclaveId: string, method: HostMethod): { asked: () => Promise<void>; timeOut: () => void } {
    let asked = false
    let timeOut = () => {}
    const hanging = new Promise<never>((_, reject) => {
      timeOut = () => reject(new Refusal('enclave.timeout'))
    })
    this.fault(enclaveId, method, () => {
      asked = true
      noticed()
      return hanging
    })
    return { asked: () => until(() => asked, `${method} at ${enclaveId}`), timeOut }
  }

  kill(id: string): void {
    this.#place(id).state = 'down'
    this.#tell('down', id)
  }

  /** It was there all the time, and now it is heard of. */
  reach(id: string): void {
    this.#place(id).state = 'ready'
    this.#tell('ready', id)
  }

  /** Starts it again: same identity, nothing in memory. */
  restart(id: string): void {
    const place = this.#place(id)
    place.state = 'ready'
    place.host.restart()
    this.#tell('restarted', id)
    this.#tell('ready', id)
  }

  count(method: HostMethod, enclaveId?: string): number {
    return this.calls.filter((call) => call.method === method && (!enclaveId || call.enclaveId === enclaveId)).length
  }

  #tell(type: 'ready' | 'down' | 'restarted', id: string): void {
    for (const listener of this.#listeners) listener({ type, host: id as EnclaveId })
  }

  async ask<M extends HostMethod>(id: EnclaveId, method: M, params: HostParams<M>): Promise<HostResult<M>> {
    this.calls.push({ enclaveId: id, method, params })
    return this.#answer(id, method, params).finally(noticed)
  }

  async #answer<M extends HostMethod>(id: EnclaveId, method: M, params: HostParams<M>): Promise<HostResult<M>> {
    hostMethods[method].params.parse(params)
    await new Promise((resolve) => setImmediate(resolve))
    await this.#meetFault(id, method)
    const { host, state } = this.#place(id)
    if (state === 'down') throw new Refusal('enclave.unreachable')
    const life = host.bootId()
    const answer = host.call(method as never, params as never) as Promise<HostResult<M>>
    const [settled] = await Promise.allSettled([answer])
    // What it said as it went down has not arrived.
    if (this.state(id) === 'down' || host.bootId() !== life) throw new Refusal('enclave.unreachable')
    if (settled.status === 'rejected') throw settled.reason
    return settled.value
  }

  async #meetFault(id: EnclaveId, method: HostMethod): Promise<void> {
    const at = this.#faults.findIndex((fault) => fault.enclaveId === id && fault.method === method)
    const [fault] = at < 0 ? [] : this.#faults.splice(at, 1)
    if (typeof fault?.then === 'function') await fault.then()
    else if (fault) throw new Refusal(fault.then, fault.culprits)
  }
}
