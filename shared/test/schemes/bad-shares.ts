import { loadMpc, type Mpc } from '../../mpc/src/index.ts'
import { keyPackage, pointOf, scalar } from '../../mpc/test/encoding.ts'
import type { SchemeName } from '../../src/schemes/table.ts'
import type { BadShares } from './subject.ts'

/** The secret within FROST's share. */
const SECRET = [37, 69] as const

/**
 * Shares of a polynomial without a slope: each is the key itself, and the public keys belong together. And shares on a line, as if three or
 * four had to sign.
 */
function flat(mpc: Mpc, name: Parameters<Mpc['frost']>[0]): BadShares {
  const secret = scalar(name, 1n)
  const point = pointOf(name, secret)
  const verifyingShares = new Map([1, 2, 3].map((index) => [index, point]))
  const publicKeys = mpc.frost(name).publicKeysFrom({ groupKey: point.slice(-32), verifyingShares, threshold: 2 })
  const share = keyPackage(name, { index: 1, secret, verifyingKey: point, threshold: 2 })
  const line = mpc.frost(name).dealerSplit({ secretKey: secret, participants: 4, threshold: 2 })
  const described = mpc.frost(name).describe({ publicKeys: line.publicKeys })
  const raised = [3, 4].map((threshold) => mpc.frost(name).publicKeysFrom({ ...described, threshold }))
  return {
    lowered: [publicKeys, ...raised],
    zeroed: ({ share, publicKeys }) => ({ share: share.slice().fill(0, ...SECRET), publicKeys }),
    doubled: { share, publicKeys },
  }
}

/** Two participants who have one key: either signs for both. */
function shared(mpc: Mpc): BadShares {
  const share = new Uint8Array(32).fill(7)
  const publicKey = mpc.secp256k1.publicKey(share)
  const publicKeys = Uint8Array.of(1, ...publicKey, ...publicKey)
  return {
    lowered: [publicKeys],
    zeroed: ({ publicKeys }) => ({ share: new Uint8Array(32), publicKeys }),
    doubled: { share, publicKeys },
  }
}

const mpc = await loadMpc()

export const badShares: Readonly<Record<SchemeName, BadShares>> = {
  'frost-secp256k1-tr': flat(mpc, 'frost-secp256k1-tr'),
  'frost-ed25519': flat(mpc, 'frost-ed25519'),
  musig2: shared(mpc),
}
