import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { UsageError } from './usage.ts'

/** 32 bytes as 24 words of BIP-39's English list, the last of which checks the others. SECRET. */
export const wordsOf = (seed: Uint8Array): string => entropyToMnemonic(seed, wordlist)

/** Inverse of `wordsOf`, however the words are spaced and written. Throws `UsageError`. */
export function seedOf(text: string): Uint8Array {
  const words = text.trim().toLowerCase().split(/\s+/)
  if (words.length !== 24) throw new UsageError(`24 words are expected, and these are ${words.length}`)
  const at = words.findIndex((word) => !wordlist.includes(word))
  if (at >= 0) throw new UsageError(`word ${at + 1} is not in the list of BIP-39`)
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    throw new UsageError('the last word does not fit the others: one is wrong, or they stand in another order')
  }
}
