/// <reference lib="dom" />
import { deriveHostKeys } from '@quorate/party/host-keys'
import { createParty } from '@quorate/party/party'
import { verifyDocument, type Expectation } from '@quorate/shared/attestation/verify'
import { loadMpc } from '@quorate/shared/mpc'
import { sealTo } from '@quorate/shared/crypto/ecies'
import { createSigner, verifyEd25519 } from '@quorate/shared/crypto/sign'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { Quorate, QuorateError, readNsec, type TrustPolicy } from '../../src/index.ts'

/** What the test calls in the page. Strings in and out, since nothing else crosses. */
const page = {
  async attest(document: string, expect: Omit<Expectation, 'nonce'>): Promise<string> {
    return (await verifyDocument(fromBase64url(document), { ...expect, nonce: null })).moduleId
  },

  async seal(publicKey: string, plaintext: string): Promise<string> {
    const { secp256k1 } = await loadMpc()
    return toBase64url(sealTo(secp256k1, fromHex(publicKey), fromHex(plaintext)))
  },

  async sign(seed: string, message: string): Promise<{ publicKey: string; signature: string; verified: boolean }> {
    const { publicKey, sign } = await createSigner(fromHex(seed))
    const signature = await sign(fromHex(message))
    const verified = await verifyEd25519(publicKey, fromHex(message), signature)
    return { publicKey: toHex(publicKey), signature: toHex(signature), verified }
  },

  async verify(publicKey: string, message: string, signature: string): Promise<boolean> {
    const frost = (await loadMpc()).frost('frost-secp256k1-tr')
    return frost.verify({ publicKey: fromHex(publicKey), message: fromHex(message), signature: fromHex(signature) })
  },

  async makeKeyAndSign(
    trust: TrustPolicy,
    message: string,
    gateway = location.origin,
  ): Promise<{ groupKey: string; signature: string }> {
    const quorate = new Quorate({ gateway, trust })
    const person = (name: string) => quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) })
    const [alice, bob] = [person('alice'), person('bob')]
    const keygen = await alice.reserveKey({
      scheme: 'frost-secp256k1-tr',
      threshold: 2,
      participants: ['alice', 'bob'],
    })
    await bob.participate(keygen.invitation('bob'))
    const key = await keygen.completed()
    const signing = await alice.requestSignature(key, message)
    await bob.approve(await bob.signing(key, signing.signingId))
    const { signatures } = await signing.completed()
    return { groupKey: key.groupKey, signature: toHex(signatures[0] ?? new Uint8Array()) }
  },

  async dealKeyAndSign(
    trust: TrustPolicy,
    nsec: string,
    message: string,
  ): Promise<{ groupKey: string; signature: string; left: string }> {
    const quorate = new Quorate({ gateway: location.origin, trust })
    const person = (name: string) => quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) })
    const [alice, bob] = [person('alice'), person('bob')]
    const secretKey = readNsec(nsec)
    const frame = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] } as const
    const keygen = await alice.dealKey({ ...frame, secretKey })
    await bob.participate(keygen.invitation('bob'), { dealtBy: 'alice' })
    const key = await keygen.completed()
    const signing = await alice.requestSignature(key, message)
    await bob.approve(signing)
    const { signatures } = await signing.completed()
    return { groupKey: key.groupKey, signature: toHex(signatures[0] ?? new Uint8Array()), left: toHex(secretKey) }
  },

  /** A host of shares in this page: what it is known by, and a challenge of it. */
  async host(trust: TrustPolicy): Promise<{ sealKey: string; nonce: string }> {
    const mpc = await loadMpc()
    const keys = await deriveHostKeys(mpc, 'page', crypto.getRandomValues(new Uint8Array(32)))
    const party = createParty({
      mpc,
      keys,
      images: { policy: () => trust, accepts: () => false, serial: () => 0 },
      measurements: {},
      life: { id: '00'.repeat(32), startedAt: Date.now() },
      clock: () => Date.now(),
      alarm: () => () => undefined,
      giveWay: () => Promise.resolve(),
      log: () => undefined,
    })
    const { nonce } = await party.challenge({})
    return { sealKey: keys.identity.sealKey, nonce }
  },

  async refusal(trust: TrustPolicy): Promise<string> {
    try {
      await new Quorate({ gateway: location.origin, trust }).attest('enclave-0')
      return 'none'
    } catch (error) {
      return error instanceof QuorateError ? error.code : String(error)
    }
  },
}

export type Page = typeof page
Object.assign(globalThis, { page })
