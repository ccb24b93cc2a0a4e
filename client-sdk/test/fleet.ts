import { loadMpc, type Mpc } from '@quorate/shared/mpc'
import { decode } from '@quorate/shared/crypto/cbor'
import { openSealed } from '@quorate/shared/crypto/ecies'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { openItem, sealSignature } from '@quorate/shared/crypto/session-items'
import { createSigner, digestOf, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { messageOf } from '@quorate/shared/contents/table'
import { resultDigest } from '@quorate/shared/verify/signing'
import { verifyRegistrationProof } from '@quorate/shared/verify/registration'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { EnclaveIdentity, type AttestedIdentity } from '@quorate/shared/wire/identity'
import { Init, Registration, type Skeleton } from '@quorate/shared/wire/keygen'
import type { Certificate, CertificateBody } from '@quorate/shared/wire/certificate'
import type { Item } from '@quorate/shared/wire/content'
import type { ItemResult, Outcome, SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import {
  base64,
  forgeChain,
  forgeDocument,
  payloadFields,
  pcr,
  type Forgery,
} from '../../shared/test/forge-documents.js'

/*
 * Enclaves in memory, for the scripted gateway. They keep the protocol towards the SDK (attestation, sealing, receipts,
 * certificates), and make the key with a dealer where real ones run a DKG: the SDK cannot tell, and need not.
 */

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

export type Enclave = Readonly<{ identity: EnclaveIdentity; secret: Uint8Array; signer: Signer }>

export type Fleet = Readonly<{
  mpc: Mpc
  enclaves: readonly Enclave[]
  trust: TrustPolicy
  attest: (enclave: Enclave, nonce: string, wish?: Readonly<{ firstPcr?: number }>) => Promise<AttestedIdentity>
}>

export async function createEnclave(mpc: Mpc, enclaveId: string): Promise<Enclave> {
  const secret = random(32)
  const signer = await createSigner(random(32))
  const sealKey = toHex(mpc.secp256k1.publicKey(secret))
  const identity = { version: 1, enclaveId, epoch: 1, sealKey, signKey: toHex(signer.publicKey) }
  return { identity: EnclaveIdentity.parse(identity), secret, signer }
}

/** A document of this identity over this nonce, from the development root. */
async function attest(chain: Forgery, { identity }: Enclave, nonce: string, firstPcr = 1): Promise<AttestedIdentity> {
  const fields = new Map(payloadFields(chain))
  fields.set('pcrs', new Map([0, 1, 2, 3, 4].map((index) => [index, pcr(index + firstPcr)])))
  fields.set('public_key', fromHex(identity.sealKey))
  fields.set('user_data', taggedHash('identity', identity))
  fields.set('nonce', fromHex(nonce))
  return { identity, document: toBase64url(await forgeDocument(chain, [...fields])) }
}

export async function createFleet(size = 3): Promise<Fleet> {
  const mpc = await loadMpc()
  const chain = await forgeChain()
  const names = Array.from({ length: size }, (_, at) => `enclave-${at}`)
  return {
    mpc,
    enclaves: await Promise.all(names.map((name) => createEnclave(mpc, name))),
    trust: {
      roots: [base64(chain.bundle[0]!.der)],
      measurements: [{ '0': toHex(pcr(1)), '1': toHex(pcr(2)), '2': toHex(pcr(3)) }],
    },
    attest: (enclave, nonce, { firstPcr } = {}) => attest(chain, enclave, nonce, firstPcr),
  }
}

export const hostOf = (fleet: Fleet, skeleton: Skeleton, index: number): Enclave =>
  fleet.enclaves.find((e) => e.identity.enclaveId === skeleton.participants[index - 1]!.host.identity.enclaveId)!

export const openInit = (fleet: Fleet, enclave: Enclave, sealed: string): Init =>
  Init.parse(decode(openSealed(fleet.mpc.secp256k1, enclave.secret, fromBase64url(sealed))))

/** Opens a registration, checks its proofs, and answers with the host's receipt. */
export async function acceptRegistration(
  fleet: Fleet,
  enclave: Enclave,
  sealed: string,
  keys: Map<number, Uint8Array>,
) {
  const opened = decode(openSealed(fleet.mpc.secp256k1, enclave.secret, fromBase64url(sealed)))
  const registration = Registration.parse(opened)
  const { skeletonDigest, userId, index, authKey, grant } = registration.body
  if (!(await verifyRegistrationProof(keys.get(index)!, registration))) throw new Error('not invited')
  return signBody(enclave.signer, 'registration-receipt', { skeletonDigest, userId, index, authKey, grant })
}

export type Dealt = Readonly<{ shares: Map<number, Uint8Array>; publicKeys: Uint8Array }>

export function dealKey({ mpc }: Fleet, { scheme, threshold, participants }: Skeleton): Dealt {
  return mpc.frost(scheme).dealerSplit({ threshold, participants: participants.length, secretKey: random(32) })
}

/** All hosts of the body's skeleton sign it. */
export async function certify(fleet: Fleet, body: CertificateBody): Promise<Certificate> {
  const { participants } = body.roster.skeleton
  const signed = participants.map(({ index }) =>
    signBody(hostOf(fleet, body.roster.skeleton, index).signer, 'certificate', body),
  )
  return { body, signatures: (await Promise.all(signed)).map(({ signature }) => signature) }
}

export function describeKey({ mpc }: Fleet, roster: CertificateBody['roster'], { publicKeys }: Dealt): CertificateBody {
  const { groupKey } = mpc.frost(roster.skeleton.scheme).describe({ publicKeys })
  const transcript = digestOf('transcript', 'of the dealer')
  const [key, keys] = [toHex(groupKey), toBase64url(publicKeys)]
  return { version: 1, roster, groupKey: key, publicKeys: keys, transcript, epoch: 0, previous: null }
}

/** Signs every item with the shares of the quorum, in one place. */
export function signItems(
  { mpc }: Fleet,
  certificate: CertificateBody,
  { shares, publicKeys }: Dealt,
  quorum: readonly number[],
  items: readonly Item[],
): Uint8Array[] {
  const frost = mpc.frost(certificate.roster.skeleton.scheme)
  return items.map(({ content, mode }) => {
    const groupKey = fromHex(certificate.groupKey)
    const tweak = mode.kind === 'taproot' ? fromHex(mode.merkleRoot) : null
    const publicKey = tweak === null ? groupKey : frost.tweakedKey({ groupKey, tweak })
    const message = messageOf(content, toHex(publicKey))
    const nonces = new Map(quorum.map((index) => [index, frost.commit({ share: shares.get(index)! })]))
    const commitments = new Map([...nonces].map(([index, nonce]) => [index, nonce.commitments]))
    const partials = new Map(
      [...nonces].map(([index, nonce]) => {
        const share = shares.get(index)!
        return [index, frost.sign({ share, nonces: nonce.nonces, commitments, message, tweak })] as const
      }),
    )
    return frost.aggregate({ publicKeys, commitments, message, partials, tweak })
  })
}

export const openItems = (secret: Uint8Array, { body }: SigningRequest, sealedItems: readonly string[]): Item[] =>
  sealedItems.map((sealed, at) => openItem(secret, body.signingId, at, fromBase64url(sealed)))

export const sealSignatures = (
  secret: Uint8Array,
  signingId: string,
  signatures: readonly Uint8Array[],
): ItemResult[] =>
  signatures.map((signature, at) => ({ sealedSignature: toBase64url(sealSignature(secret, signingId, at, signature)) }))

/** A receipt of each host of the quorum. */
export function writeReceipts(
  fleet: Fleet,
  certificate: CertificateBody,
  request: SigningRequest,
  quorum: number[],
  outcomes: readonly Outcome[],
): Promise<SigningReceipt[]> {
  const { skeleton } = certificate.roster
  const same = {
    requestDigest: digestOf('request', request.body),
    attempt: 1,
    packageDigest: digestOf('package', 'of this fleet'),
    resultDigest: resultDigest(outcomes),
    policyDigest: digestOf('policy', skeleton.policy),
    epoch: certificate.epoch,
    measurements: { '0': toHex(pcr(1)), '1': toHex(pcr(2)), '2': toHex(pcr(3)) },
  }
  return Promise.all(
    quorum.map((index) => {
      const body = { ...same, quorum, index, signedAt: Date.now() }
      return signBody(hostOf(fleet, skeleton, index).signer, 'signing-receipt', body)
    }),
  )
}
