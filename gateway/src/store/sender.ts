import type { Worker } from 'node:worker_threads'
import { Refusal } from '@quorate/shared/errors'
import type { Order, Outcome } from './batch.ts'
import type { Tables } from './tables.ts'
import type { FromWorker, ToWorker } from './worker.ts'

type Pending = { order: Order; resolve: (value: unknown) => void; reject: (error: unknown) => void }

/**
 * Sends orders to the worker of the store. What is asked while a batch is with the worker makes the next one: under load batches
 * grow by themselves, and a lone request waits for nothing.
 */
export class Sender {
  readonly #worker: Worker
  readonly #onFault: (cause: string) => void
  #waiting: Pending[] = []
  #flying: readonly Pending[] = []
  #dead = false
  #settled: (() => void) | null = null

  constructor(worker: Worker, onFault: (cause: string) => void) {
    this.#worker = worker
    this.#onFault = onFault
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

  #settle({ resolve, reject }: Pending, outcome: Outcome | undefined): void {
    if (outcome && 'value' in outcome) {
      resolve(outcome.value)
      return
    }
    if (outcome?.cause) this.#onFault(outcome.cause)
    reject(new Refusal(outcome?.refusal ?? 'store.failed'))
  }
}
