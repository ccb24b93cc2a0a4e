import { randomBytes } from '@noble/hashes/utils.js'
import { sealRoot } from '@quorate/enclave/vault/root'
import { deriveHostKeys } from '@quorate/party/host-keys'
import { loadMpc } from '@quorate/shared/mpc'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { sealWith } from '@quorate/shared/crypto/aead'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type {
  FreshCommitment,
  ItemCommitment,
  ItemRefusal,
  Partial,
  SigningReceipt,
} from '@quorate/shared/wire/signing'
import type { RoundTwo } from '@quorate/shared/wire/keygen'
import type { EnclaveEvent } from '@quorate/enclave/events'
import type { MadeKey } from '../../../../shared/party/test/ceremony.js'
import { startEnclave, type Cluster, type Member } from './cluster.ts'

const mpc = await loadMpc()

/** A host of which the attacker has everything: its root, and so V and its shares. It says in a signing what a test wants. */
export type Liar = Readonly<{
  member: Member
  /** Its words on the items, signed. It draws and remembers the nonces of those that it commits to. */
  commit: (
    key: MadeKey,
    frame: FreshCommitment['body'],
    words: readonly ('commit' | ItemRefusal)[],
  ) => Promise<FreshCommitment>
  /** Its partials of these items (0…) of the package that `other` answered, whose messages are given by item. */
  partial: (
    key: MadeKey,
    index: number,
    list: readonly FreshCommitment[],
    messages: ReadonlyMap<number, Uint8Array>,
    other: Partial,
  ) => Promise<Partial>
  receipt: (body: SigningReceipt['body']) => Promise<SigningReceipt>
  /** Its round-two message with noise sealed into it, signed. */
  noise: (message: RoundTwo) => Promise<RoundTwo>
}>

/** Starts an enclave on a root that the attacker knows, and introduces it to the cluster and the cluster to it. */
async function startOnKnownRoot(cluster: Cluster, name: string, root: Uint8Array): Promise<Member> {
  const events: EnclaveEvent[] = []
  const platform = cluster.platformOf(name, (event) => void events.push(event))
  const { identity: born } = await deriveHostKeys(mpc, name, root)
  const claims = { publicKey: null, userData: taggedHash('birth', born), nonce: null }
  const sealedRoot = toBase64url(await sealRoot(platform, root, await cluster.issue(name, claims)))
  const { call } = startEnclave(platform)
  const { identity } = await call('boot', { sealedRoot })
  const member: Member = {
    identity,
    events,
    call,
    restart: () => Promise.reject(new Error('not this one')),
    clone: () => Promise.reject(new Error('not this one')),
  }
  for (const other of cluster.members)
    for (const [a, b] of [
      [member, other],
      [other, member],
    ] as const) {
      const { nonce } = await a.call('challenge', {})
      await a.call('introduce', { peer: await b.call('attest', { nonce }), nonce })
    }
  return member
}

const frost = mpc.frost('frost-secp256k1-tr')

export async function startLiar(cluster: Cluster, name: string): Promise<Liar> {
  const root = randomBytes(32)
  const member = await startOnKnownRoot(cluster, name, root)
  const keys = await deriveHostKeys(mpc, name, root)
  const { life } = (await member.call('attest', { nonce: '00'.repeat(32) })).presence
  const drawn = new Map<string, Uint8Array>()

  const shareOf = ({ certificate, digest, sealedShares }: MadeKey, index: number): Uint8Array => {
    const place = { keyId: certificate.body.roster.skeleton.keyId, index, epoch: 0, certificateDigest: digest }
    return (decode(keys.openShare(place, fromBase64url(sealedShares.get(index)!))) as { share: Uint8Array }).share
  }
  const commitTo = (share: Uint8Array, place: string): ItemCommitment => {
    const { nonces, commitments } = frost.commit({ share })
    drawn.set(place, nonces)
    return { commitment: toBase64url(commitments) }
  }
  return {
    member,
    commit(key, frame, words) {
      const share = shareOf(key, frame.index)
      const commitments = words.map((word, at) =>
        word === 'commit' ? commitTo(share, `${frame.signingId}/${frame.attempt}/${at}`) : { code: word },
      )
      return keys.sign('commitment', { ...frame, life, commitments })
    },
    partial(key, index, list, messages, { body: { packageDigest } }) {
      const { signingId, attempt } = list[0]!.body
      const partials = [...messages].map(([at, message]) => {
        const commitments = new Map(list.map(({ body }) => [body.index, commitmentOf(body.commitments[at]!)]))
        const nonces = drawn.get(`${signingId}/${attempt}/${at}`)!
        return frost.sign({ share: shareOf(key, index), nonces, commitments, message, tweak: null })
      })
      const secret = deriveKey(key.plan.sessionSecret, 'partial', signingId)
      const sealed = sealWith(secret, ['partial', signingId, attempt, index], encode(partials))
      return keys.sign('partial', { signingId, attempt, index, packageDigest, sealed: toBase64url(sealed) })
    },
    receipt: (body) => keys.sign('signing-receipt', { ...body, life }),
    noise: ({ body }) => keys.sign('round-two', { ...body, sealed: toBase64url(randomBytes(90)) }),
  }
}

const commitmentOf = (word: ItemCommitment): Uint8Array => fromBase64url('commitment' in word ? word.commitment : '')
