import { vectorJson } from './vectors.ts'

type Bip341 = {
  scriptPubKey: {
    given: { internalPubkey: string }
    intermediary: { merkleRoot: string | null; tweakedPubkey: string }
  }[]
  keyPathSpending: {
    inputSpending: {
      given: { internalPrivkey: string; merkleRoot: string | null }
      intermediary: { internalPubkey: string; tweakedPrivkey: string; sigHash: string }
    }[]
  }[]
}

/** BIP-341's wallet vectors. */
export const bip341 = vectorJson('bip341/wallet-test-vectors.json') as Bip341
