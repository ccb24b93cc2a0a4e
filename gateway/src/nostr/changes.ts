/** Who waits for something to change, by name. */
export class Changes {
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #closing: AbortSignal

  constructor(closing: AbortSignal) {
    this.#closing = closing
  }

  tell(name: string): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener()
  }

  /**
   * Resolves with what `look` finds as soon as it finds something, and with what there is after `ms`, on abort, and when the gateway
   * closes.
   */
  async until<T>(
    name: string,
    { ms, signal }: Readonly<{ ms: number; signal?: AbortSignal | undefined }>,
    look: () => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const stopping = new AbortController()
    const stop = () => stopping.abort()
    const timer = setTimeout(stop, ms)
    for (const other of [signal, this.#closing]) {
      other?.addEventListener('abort', stop)
      if (other?.aborted) stop()
    }
    try {
      for (;;) {
        // Listened to before it is looked: what changes in between is not missed.
        const changed = this.#next(name, stopping.signal)
        const found = await look().finally(() => stopping.signal.aborted && changed.cancel())
        if (found.length > 0 || stopping.signal.aborted) return found
        await changed.done
      }
    } finally {
      stop()
      clearTimeout(timer)
      for (const other of [signal, this.#closing]) other?.removeEventListener('abort', stop)
    }
  }

  #next(name: string, stop: AbortSignal): Readonly<{ done: Promise<void>; cancel: () => void }> {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    let cancel = () => {}
    const done = new Promise<void>((resolve) => {
      cancel = () => {
        listeners.delete(cancel)
        stop.removeEventListener('abort', cancel)
        if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name)
        resolve()
      }
    })
    listeners.add(cancel)
    stop.addEventListener('abort', cancel)
    if (stop.aborted) cancel()
    return { done, cancel: () => cancel() }
  }
}
