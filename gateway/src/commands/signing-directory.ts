import type { KeyId } from '@quorate/shared/wire/ids'
import type { SigningSession } from '../courses/signing-terms.ts'
import { hasEnded } from '../engine/machine.ts'

/** Open signings that this gateway drives, by key, and who waits for one to appear. */
export class Directory {
  readonly #byKey = new Map<KeyId, Set<string>>()
  readonly #listeners = new Map<KeyId, Set<() => void>>()
  readonly #quiet: (keyId: KeyId) => void

  /** `quiet` hears when the last open signing of a key is gone. */
  constructor(quiet: (keyId: KeyId) => void = () => undefined) {
    this.#quiet = quiet
  }

  of(keyId: KeyId): string[] {
    return [...(this.#byKey.get(keyId) ?? [])]
  }

  count(keyId: KeyId): number {
    return this.#byKey.get(keyId)?.size ?? 0
  }

  note(s: SigningSession): void {
    const ids = this.#byKey.get(s.keyId) ?? new Set()
    if (!hasEnded(s)) {
      if (ids.has(s.id)) return
      this.#byKey.set(s.keyId, ids.add(s.id))
      for (const listener of this.#listeners.get(s.keyId) ?? []) listener()
    } else this.forget(s)
  }

  forget({ id, keyId }: Pick<SigningSession, 'id' | 'keyId'>): void {
    const ids = this.#byKey.get(keyId)
    if (!ids?.delete(id) || ids.size > 0) return
    this.#byKey.delete(keyId)
    this.#quiet(keyId)
  }

  onNew(keyId: KeyId, listener: () => void): () => void {
    const listeners = this.#listeners.get(keyId) ?? new Set()
    this.#listeners.set(keyId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(keyId) === listeners) this.#listeners.delete(keyId)
    }
  }
}
