import { expect, it } from 'vitest'
import { hostMethods } from '../src/ceremonies/host-methods.ts'
import { encode } from '../src/crypto/cbor.ts'
import { mostParticipants } from '../src/schemes/table.ts'
import { toBase64url } from '../src/wire/bytes.ts'
import { MAX_BODY } from '../src/wire/frame.ts'
import type { Init } from '../src/wire/keygen.ts'
import { InitBody } from '../src/wire/routes/keygen.ts'
import { MAX_SUBGROUP_PLACES, MAX_SUBGROUPS } from '../src/wire/subgroups.ts'

const hex = 'f'.repeat(64)
const signature = hex + hex
const late = 8_640_000_000_000_000
const keyId = 'f'.repeat(32)
const times = <T>(count: number, one: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => one(at))
/** A name of so many characters, each of which takes three bytes but for three digits. */
const name = (at: number): string => `${'森'.repeat(61)}${at + 100}`

/** Bytes that a body over REST has at most. */
const REQUEST = 256 << 10

const identityOf = (at: number) => ({
  ...{ version: 1, enclaveId: `${'e'.repeat(29)}${at + 100}`, epoch: 1_000_000 },
  ...{ sealKey: `02${hex}`, signKey: hex },
})
/** 20 of the greatest indices, two of which are of this sub-group alone. */
const membersOf = (at: number) => [10 + (at % 30), 45 + Math.floor(at / 30), ...times(18, (nth) => 83 + nth)]
const skeleton = {
  ...{ version: 1, keyId, scheme: 'musig2', threshold: mostParticipants, keyOrder: 'indices', readerKey: hex },
  participants: times(mostParticipants, (at) => ({
    ...{ userId: name(at), index: at + 1, host: { kind: 'enclave', identity: identityOf(at) } },
  })),
  policy: { content: ['bytes', 'nostr-event'] },
  spread: 'quorum_in_one_host',
  subgroups: times(MAX_SUBGROUPS, (at) => ({ id: name(at), members: membersOf(at) })),
  expiresAt: late,
}

it('fixes a key of a hundred people with as many sub-groups as there may be in one body over REST', () => {
  const secret = new Uint8Array(32)
  const init: Init = {
    ...{ purpose: 'init', skeletonDigest: hex as Init['skeletonDigest'], sessionSecret: secret },
    invitationKeys: [{ index: 100, key: secret }],
  }
  // ECIES adds a point of 65 bytes, a nonce of 16 and a tag of 16.
  const sealed = toBase64url(new Uint8Array(encode(init).length + 97))
  const sealedParts = skeleton.participants.map(({ host }) => ({ enclaveId: host.identity.enclaveId, sealed }))
  const body = InitBody.safeParse({ skeleton, sealed: sealedParts })
  expect(body.error?.issues).toBeUndefined()
  const places = skeleton.subgroups.reduce((sum, { members }) => sum + members.length, 0)
  expect([skeleton.subgroups.length, places]).toEqual([MAX_SUBGROUPS, MAX_SUBGROUP_PLACES])
  expect(new TextEncoder().encode(JSON.stringify(body.data)).length).toBeLessThan(REQUEST)
})

it('has them installed by a question that fits into a frame', () => {
  const limit = { count: 1_000_000, seconds: 31_536_000 }
  const scope = { kind: 'standing', askers: times(32, name), content: ['bytes', 'nostr-event', 'ecdh'], limit }
  const common = { skeletonDigest: hex, reason: '森'.repeat(200), givenAt: late, expiresAt: late }
  const registrations = skeleton.participants.map(({ userId, index }) => {
    const grant = { body: { ...common, index, scope, decision: 'approve' }, signature }
    const contributed = { publicKey: `02${hex}`, proof: signature }
    return { body: { skeletonDigest: hex, userId, index, authKey: hex, grant, contributed }, signature }
  })
  const publicKeys = toBase64url(new Uint8Array(1 + 33 * mostParticipants))
  const body = {
    ...{ version: 1, roster: { skeleton, registrations }, groupKey: hex, publicKeys, transcript: hex, epoch: 0 },
    ...{ subgroupKeys: times(MAX_SUBGROUPS, () => hex), previous: null },
  }
  const life = { id: hex, startedAt: late }
  const word = { keyId, certificateDigest: hex, epoch: 0, index: 100, life, word: hex }
  const question = hostMethods['keygen.install'].params.safeParse({
    ...{ certificate: { body, signatures: times(mostParticipants, () => signature) }, index: 100 },
    ...{ sealedShare: 'x'.repeat(400), prepared: times(mostParticipants, () => ({ body: word, signature })) },
  })
  expect(question.error?.issues).toBeUndefined()
  expect(encode(['keygen.install', question.data]).length).toBeLessThan(MAX_BODY)
})
