/** Keys that are worked out once and used often. At most so many; the one that was used longest ago is wiped first. */
export type SecretCache = Readonly<{
  /** The key of this name, which the caller must not keep. */
  get: (name: string, make: () => Uint8Array) => Uint8Array
  /** The same, if it is there. */
  peek: (name: string) => Uint8Array | null
  /** Wipes all keys whose names begin so. */
  wipe: (prefix: string) => void
}>

export function createSecretCache(most: number): SecretCache {
  const kept = new Map<string, Uint8Array>()

  function drop(name: string): void {
    kept.get(name)?.fill(0)
    kept.delete(name)
  }

  return {
    get(name, make) {
      const key = kept.get(name) ?? make()
      kept.delete(name)
      const [oldest] = kept.keys()
      if (kept.size >= most && oldest !== undefined) drop(oldest)
      kept.set(name, key)
      return key
    },
    peek: (name) => kept.get(name) ?? null,
    wipe(prefix) {
      for (const name of [...kept.keys()]) if (name.startsWith(prefix)) drop(name)
    },
  }
}
