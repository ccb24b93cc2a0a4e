import type { Mpc } from '@quorate/shared/mpc'
import type { Prepare } from './operation.ts'

const EXTRA = new Uint8Array(32)

/** One signing of n of n, with the nonces of all: what each of them does, and what one does to join the partials. */
export function musig2Operations(mpc: Mpc, n: number): Prepare {
  const { musig2, secp256k1 } = mpc
  const verifier = mpc.frost('frost-secp256k1-tr')
  const all = Array.from({ length: n }, (_, at) => at + 1)
  const secretKeys = all.map(() => crypto.getRandomValues(new Uint8Array(32)))
  const pubkeys = new Map(all.map((index, at) => [index, secp256k1.publicKey(secretKeys[at] as Uint8Array)]))
  const key = { pubkeys, sorted: true }
  const publicKey = musig2.keyAgg(key).slice(1)

  return () => {
    const session = { ...key, message: crypto.getRandomValues(new Uint8Array(32)) }
    const commit = (secretKey: Uint8Array) => musig2.nonceGen({ ...session, secretKey, extraIn: EXTRA })
    const round = secretKeys.map((secretKey) => ({ secretKey, ...commit(secretKey) }))
    const pubnonces = new Map(round.map(({ pubnonce }, at) => [at + 1, pubnonce]))
    const sign = ({ secretKey, secnonce }: (typeof round)[number]) =>
      musig2.sign({ ...session, secretKey, secnonce, aggnonce: musig2.nonceAgg({ pubnonces }) })
    const psigs = new Map(round.map((own, at) => [at + 1, sign(own)]))
    const aggregate = () => musig2.partialSigAgg({ ...session, pubnonces, psigs })
    const signature = aggregate()
    const [first] = round as [(typeof round)[number]]
    return [
      { name: 'commit', run: () => commit(first.secretKey) },
      { name: 'sign', run: () => sign(first) },
      { name: 'aggregate', run: aggregate },
      { name: 'verify', run: () => verifier.verify({ publicKey, message: session.message, signature }) },
    ]
  }
}
