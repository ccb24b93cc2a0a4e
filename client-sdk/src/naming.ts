import type { Context } from './context.ts'
import { QuorateError } from './errors.ts'
import { sessionSecretOf, type Key } from './key.ts'
import type { KeySigner } from './signer.ts'

/** The own place in a key. */
export type Member = Readonly<{ index: number; signer: KeySigner }>

/** `anew`: the lives are asked for now, whatever was said before. */
export type Naming = Readonly<{ anew?: boolean | undefined; signal: AbortSignal | undefined }>

/** How often a word is said anew since hosts have restarted meanwhile: each of three could, one after the other. */
const MOST_RENEWALS = 3

/** Says a word that names the lives of the key's hosts, so that one that has restarted knows that it was said since; anew if they have changed. */
export async function naming<T>(
  { readerOf }: Pick<Context, 'readerOf'>,
  key: Key,
  say: (lives: string[]) => Promise<T>,
  { anew = false, signal }: Naming,
): Promise<T> {
  const reader = await readerOf(key.keyId, sessionSecretOf(key))
  for (let renewals = 0; ; renewals += 1) {
    try {
      return await say(await reader.lives({ anew: anew || renewals > 0, signal }))
    } catch (error) {
      const isStale = error instanceof QuorateError && error.code === 'lives.stale'
      if (!isStale || renewals === MOST_RENEWALS) throw error
    }
  }
}
