/**
 * Remembers by SHA-256 which documents, and which chains of certificates, had sound signatures. Time, nonce and policy are asked anew each
 * time. Nothing else may be keyed by a document's digest: its carrier can make a second document that says the same.
 */
export type DocumentCache = Readonly<{ has: (digest: string) => boolean; add: (digest: string) => void }>

/** A cache of the `limit` documents and chains used last. Refused ones are not kept, so that strangers cannot push the good ones out. */
export function createDocumentCache(limit = 256): DocumentCache {
  const digests = new Set<string>()
  return {
    has: (digest) => digests.has(digest),
    add: (digest) => {
      digests.delete(digest)
      digests.add(digest)
      const [oldest] = digests
      if (digests.size > limit && oldest !== undefined) digests.delete(oldest)
    },
  }
}
