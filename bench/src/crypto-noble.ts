import { ed25519_FROST } from '@noble/curves/ed25519.js'
import { schnorr_FROST } from '@noble/curves/secp256k1.js'
import type { Scheme } from '@quorate/shared/mpc'
import type { Prepare } from './operation.ts'

const SIGNERS = { min: 2, max: 3 }

/** The same operations as ours by @noble/curves, which spends nonces and DKG states in place: each run has its own. */
export function nobleOperations(scheme: Scheme): Prepare {
  const frost = scheme === 'frost-ed25519' ? ed25519_FROST : schnorr_FROST
  const [one, two, three] = [1, 2, 3].map((index) => frost.Identifier.fromNumber(index)) as [string, string, string]
  const { public: publicKeys, secretShares } = frost.trustedDealer(SIGNERS, [one, two, three])
  const secret = (id: string) => secretShares[id] as NonNullable<(typeof secretShares)[string]>

  function dkg() {
    const a = frost.DKG.round1(one, SIGNERS)
    const b = frost.DKG.round1(two, SIGNERS)
    const c = frost.DKG.round1(three, SIGNERS)
    const fromB = frost.DKG.round2(b.secret, [a.public, c.public])
    const fromC = frost.DKG.round2(c.secret, [a.public, b.public])
    const shares = [fromB[one], fromC[one]] as Parameters<typeof frost.DKG.round3>[2]
    const others = [b.public, c.public]
    return {
      round2: () => frost.DKG.round2(a.secret, others),
      round3: () => frost.DKG.round3(a.secret, others, shares),
    }
  }

  return () => {
    const { round2, round3 } = dkg()
    const message = crypto.getRandomValues(new Uint8Array(32))
    const a = frost.commit(secret(one))
    const b = frost.commit(secret(two))
    const list = [a.commitments, b.commitments]
    const sign = (id: string, nonces: typeof a.nonces) => frost.signShare(secret(id), publicKeys, nonces, list, message)
    const copy = { hiding: a.nonces.hiding.slice(), binding: a.nonces.binding.slice() } as typeof a.nonces
    const partials = { [one]: sign(one, copy), [two]: sign(two, b.nonces) }
    const signature = frost.aggregate(publicKeys, list, message, partials)
    const groupKey = publicKeys.commitments[0] as Uint8Array
    return [
      { name: 'dkg-1', run: () => frost.DKG.round1(one, SIGNERS) },
      { name: 'dkg-2', run: round2 },
      { name: 'dkg-3', run: round3 },
      { name: 'commit', run: () => frost.commit(secret(one)) },
      { name: 'sign', run: () => sign(one, a.nonces) },
      { name: 'aggregate', run: () => frost.aggregate(publicKeys, list, message, partials) },
      { name: 'verify', run: () => frost.verify(signature, message, groupKey) },
    ]
  }
}
