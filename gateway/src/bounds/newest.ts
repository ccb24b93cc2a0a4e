/** Keeps `value` under `name`, as the newest of the `most` that are kept: beyond them the oldest goes. */
export function keepNewest<K, V>(kept: Map<K, V>, name: K, value: V, most: number): void {
  kept.delete(name)
  kept.set(name, value)
  const [oldest] = kept.keys()
  if (kept.size > most && oldest !== undefined) kept.delete(oldest)
}
