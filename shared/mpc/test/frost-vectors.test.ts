import { describe, expect, it } from 'vitest'
import { loadMpc, type Scheme } from '../src/index.ts'
import * as encoding from './encoding.ts'
import { expectFailure } from './failing.ts'
import { hex, vectorJson } from './vectors.ts'

const mpc = await loadMpc()

type Signing = {
  config: { MIN_PARTICIPANTS: string; MAX_PARTICIPANTS: string }
  inputs: {
    participant_list: number[]
    group_secret_key: string
    message: string
    participant_shares: { identifier: number; participant_share: string }[]
  }
  round_one_outputs: {
    outputs: {
      identifier: number
      hiding_nonce: string
      binding_nonce: string
      hiding_nonce_commitment: string
      binding_nonce_commitment: string
    }[]
  }
  round_two_outputs: { outputs: { identifier: number; sig_share: string }[] }
  final_output: { sig: string }
}

const SIGNINGS: [Scheme, string][] = [
  ['frost-ed25519', 'rfc9591/cfrg_frost-ed25519-sha512.json'],
  ['frost-ed25519', 'zf/frost-ed25519/vectors.json'],
  ['frost-ed25519', 'zf/frost-ed25519/vectors-big-identifier.json'],
  ['frost-secp256k1-tr', 'zf/frost-secp256k1-tr/vectors.json'],
  ['frost-secp256k1-tr', 'zf/frost-secp256k1-tr/vectors-big-identifier.json'],
]

describe.each(SIGNINGS)('%s signs as %s says', (scheme, path) => {
  const frost = mpc.frost(scheme)
  const vector = vectorJson(path) as Signing
  const threshold = Number(vector.config.MIN_PARTICIPANTS)
  const verifyingKey = encoding.pointOf(scheme, hex(vector.inputs.group_secret_key))
  const message = hex(vector.inputs.message)
  const secrets = new Map(vector.inputs.participant_shares.map((one) => [one.identifier, hex(one.participant_share)]))
  const { outputs } = vector.round_one_outputs
  const commitments = new Map(
    outputs.map((one) => {
      const points = [hex(one.hiding_nonce_commitment), hex(one.binding_nonce_commitment)] as const
      return [one.identifier, encoding.signingCommitments(scheme, ...points)]
    }),
  )
  const expected = new Map(vector.round_two_outputs.outputs.map((one) => [one.identifier, hex(one.sig_share)]))

  it('gives every signer the published partial', () => {
    for (const one of outputs) {
      const index = one.identifier
      const share = encoding.keyPackage(scheme, { index, secret: secrets.get(index)!, verifyingKey, threshold })
      const nonces = encoding.signingNonces(scheme, hex(one.hiding_nonce), hex(one.binding_nonce))
      expect(frost.sign({ share, nonces, commitments, message })).toEqual(expected.get(index))
    }
    expect([...expected.keys()]).toEqual(vector.inputs.participant_list)
  })

  it('adds the partials up to the published signature, which verifies', () => {
    const verifyingShares = new Map([...secrets].map(([index, secret]) => [index, encoding.pointOf(scheme, secret)]))
    const groupKey = verifyingKey.slice(-32)
    const publicKeys = frost.publicKeysFrom({ groupKey, verifyingShares, threshold })
    const signature = frost.aggregate({ publicKeys, commitments, partials: expected, message })
    expect(signature).toEqual(hex(vector.final_output.sig))
    expect(frost.verify({ publicKey: groupKey, message, signature })).toBe(true)
    for (const [index, partial] of expected) {
      expect(frost.verifyPartial({ publicKeys, index, commitments, partial, message })).toBe(true)
    }
  })
})

type DkgParticipant = {
  identifier: number
  signing_key: string
  coefficient: string
  vss_commitments: string[]
  proof_of_knowledge: string
  signing_shares: Record<string, string>
  verifying_share: string
  signing_share: string
}
type Dkg = { inputs: { verifying_key: string } & Record<'1' | '2' | '3', DkgParticipant> }

describe.each(['frost-ed25519', 'frost-secp256k1-tr'] as const)('%s makes keys as ZF does', (scheme) => {
  const frost = mpc.frost(scheme)
  const { inputs } = vectorJson(`zf/${scheme}/vectors_dkg.json`) as Dkg
  const all = [inputs['1'], inputs['2'], inputs['3']]
  // We negate share and key where the group key's Y is odd.
  const negate = scheme === 'frost-secp256k1-tr' && inputs.verifying_key.startsWith('03')

  it.each(all)('as participant $identifier', (own) => {
    const others = all.filter((one) => one !== own)
    const commitment = own.vss_commitments.map(hex)
    const coefficients = [hex(own.signing_key), hex(own.coefficient)]
    const secret = encoding.round1Secret(scheme, { index: own.identifier, coefficients, commitment, participants: 3 })
    const round1 = new Map(
      others.map((one) => {
        const points = one.vss_commitments.map(hex)
        return [one.identifier, encoding.round1Package(scheme, points, hex(one.proof_of_knowledge))]
      }),
    )
    const second = frost.dkgPart2({ secret, packages: round1 })
    for (const one of others) {
      const sent = encoding.round2Package(scheme, hex(one.signing_shares[own.identifier]!))
      expect(second.packages.get(one.identifier)).toEqual(sent)
    }
    const round2 = new Map(
      others.map((one) => {
        return [one.identifier, encoding.round2Package(scheme, hex(own.signing_shares[one.identifier]!))]
      }),
    )
    const { share, publicKeys } = frost.dkgPart3({ secret: second.secret, round1, round2 })
    const { groupKey, verifyingShares } = frost.describe({ publicKeys })
    expect(groupKey).toEqual(hex(inputs.verifying_key).slice(-32))
    expect(verifyingShares.get(own.identifier)!.slice(-31)).toEqual(hex(own.verifying_share).slice(-31))
    const published = hex(own.signing_share)
    expect(share.slice(37, 69)).toEqual(negate ? encoding.negated(scheme, published) : published)
  })

  it('refuses the published element that is none', () => {
    const { elements } = vectorJson(`zf/${scheme}/elements.json`) as { elements: { invalid_element: string } }
    const invalid = hex(elements.invalid_element)
    const good = encoding.pointOf(scheme, encoding.scalar(scheme, 2n))
    const verifyingShares = new Map([
      [1, good],
      [2, invalid],
    ])
    expectFailure(
      () => frost.publicKeysFrom({ groupKey: good.slice(-32), verifyingShares, threshold: 2 }),
      'bad_package',
      [2],
    )
  })

  it('adds up deltas and sigmas as published', () => {
    const repair = vectorJson(`zf/${scheme}/repair-share.json`) as Record<string, Record<string, string>>
    for (const group of Object.values(repair)) {
      const terms = Object.entries(group).filter(([name]) => !name.endsWith('_sum'))
      const sum = Object.entries(group).find(([name]) => name.endsWith('_sum'))![1]
      const deltas = new Map(terms.map(([, term], i) => [i + 1, hex(term)]))
      expect(frost.repairPart2({ deltas })).toEqual(hex(sum))
    }
  })
})
