import type { Worker } from 'node:worker_threads'
import { Refusal } from '@quorate/shared/errors'
import { reads, type Order, type Outcome } from './batch.ts'
import type { StoreFault } from './faults.ts'
import type { Tables } from './tables.ts'
import type { FromWorker, ToWorker } from './worker.ts'

type Pending = { order: Order; resolve: (value: unknown) => void; reject: (error: unknown) => void }

/** Who hears of writes that went well, and of what went wrong. */
export type SenderWatch = Readonly<{ onWritten: () => void; onFault: (fault: StoreFault) => void }>

/**
 * Sends orders to the worker of the store. What is asked while a batch is with the worker makes the next one: under load batches
 * grow by themselves, and a lone request waits for nothing.
 */
export class Sender {
  readonly #worker: Worker
  readonly #watch: SenderWatch
  #waiting: Pending[] = []
  #flying: readonly Pending[] = []
  #dead = false
  #settled: (() => void) | null = null

  constructor(worker: Worker, watch: SenderWatch) {
    this.#worker = worker
    this.#watch = watch
    worker.on('message', (message: FromWorker) => {
      if ('outcomes' in message) this.#finish(message.outcomes)
    })
    worker.on('exit', () => this.#die())
  }

  send<O extends keyof Tables>(
    operation: O,
    args: Parameters<Tables[O]>,
    durable = false,
  ): Promise<ReturnType<Tables[O]>> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(new Refusal('store.failed'))
        return
      }
      const order = { operation, args, durable } as Order
      this.#waiting.push({ order, resolve: resolve as (value: unknown) => void, reject })
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush())
    })
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve
      if (this.#dead || (this.#flying.length === 0 && this.#waiting.length === 0)) resolve()
    })
  }

  #flush(): void {
    if (this.#flying.length > 0 || this.#waiting.length === 0) return
    this.#flying = this.#waiting
    this.#waiting = []
    this.#worker.postMessage({ orders: this.#flying.map(({ order }) => order) } satisfies ToWorker)
  }

  #finish(outcomes: readonly Outcome[]): void {
    const done = this.#flying
    this.#flying = []
    for (const [at, pending] of done.entries()) this.#settle(pending, outcomes[at])
    this.#flush()
    if (this.#flying.length === 0) this.#settled?.()
  }

  #die(): void {
    this.#dead = true
    for (const pending of [...this.#flying, ...this.#waiting]) this.#settle(pending, undefined)
    this.#flying = []
    this.#waiting = []
    this.#settled?.()
  }

  #settle({ order, resolve, reject }: Pending, outcome: Outcome | undefined): void {
    if (outcome && 'value' in outcome) {
      if (!reads.has(order.operation)) this.#watch.onWritten()
      resolve(outcome.value)
      return
    }
    if (outcome?.fault) this.#watch.onFault(outcome.fault)
    reject(new Refusal(outcome?.refusal ?? 'store.failed'))
  }
}
