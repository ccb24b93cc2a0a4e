import { loadMpc, type Scheme } from '@quorate/shared/mpc'
import { duration, type Figure } from './figures.ts'
import { musig2Operations } from './crypto-musig2.ts'
import { nobleOperations } from './crypto-noble.ts'
import { ourOperations } from './crypto-ours.ts'
import type { Prepare } from './operation.ts'

const WARM_UP = 100
const OUR_RUNS = 400
const NOBLE_RUNS = 60

function measure(name: string, prepare: Prepare, warmUp: number, runs: number): Figure[] {
  const times = new Map<string, number[]>()
  for (let i = 0; i < warmUp + runs; i += 1) {
    for (const operation of prepare()) {
      const began = performance.now()
      operation.run()
      const took = performance.now() - began
      if (i >= warmUp) times.set(operation.name, [...(times.get(operation.name) ?? []), took])
    }
  }
  return [...times].map(([operation, values]) => duration(`${name}.${operation}`, values))
}

/**
 * Milliseconds per call of our WebAssembly, memory wiped, and of @noble/curves' FROST beside it: `crypto[.noble].<scheme>.<op>`.
 * MuSig2 is `crypto.musig2-<n>of<n>.<op>`.
 */
export async function benchCrypto(): Promise<Figure[]> {
  const mpc = await loadMpc()
  const schemes: Scheme[] = ['frost-secp256k1-tr', 'frost-ed25519']
  const frost = schemes.flatMap((scheme) => [
    ...measure(`crypto.${scheme}`, ourOperations(mpc.frost(scheme)), WARM_UP, OUR_RUNS),
    ...measure(`crypto.noble.${scheme}`, nobleOperations(scheme), 5, NOBLE_RUNS),
  ])
  const musig2 = [2, 3].flatMap((n) => measure(`crypto.musig2-${n}of${n}`, musig2Operations(mpc, n), WARM_UP, OUR_RUNS))
  return [...frost, ...musig2]
}
