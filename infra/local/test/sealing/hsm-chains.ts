import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Attestation, PinnedHsm } from '@quorate/enclave/platform/sealing/cavium-statement'
import { bitString, element, integer, nothing, oid, sequence, set, time } from '../../src/nsm/der.ts'
import { pemOf } from '../../src/nsm/pem.ts'

/*
 * Chains in the shape of those of Google's HSMs, as Google's own verification describes them: RSA with 2048 bits and SHA-256; the
 * manufacturer certifies a card and the card its partition; the owner certifies the keys of both. The statement is of this
 * file's own making: a genuine one is not at hand.
 */
type Pair = Readonly<{ publicKey: KeyObject; privateKey: KeyObject }>

export const makePair = (): Pair => generateKeyPairSync('rsa', { modulusLength: 2048 })

const sha256WithRsa = sequence(oid('1.2.840.113549.1.1.11'), nothing)
const nameOf = (name: string) => sequence(set(sequence(oid('2.5.4.3'), element(0x0c, Buffer.from(name)))))

export type Issue = Readonly<{ of: Pair; name: string; by: Pair; byName: string; notAfter?: number }>

/** X.509 version 1, as the manufacturer's root is, as PEM. */
export function certify({ of, name, by, byName, notAfter = Date.now() + 3_600_000 }: Issue): string {
  const tbs = sequence(
    integer(Uint8Array.from([1, ...randomBytes(8)])),
    sha256WithRsa,
    nameOf(byName),
    sequence(time(Date.now() - 3_600_000), time(notAfter)),
    nameOf(name),
    Uint8Array.from(of.publicKey.export({ type: 'spki', format: 'der' })),
  )
  return pemOf(sequence(tbs, sha256WithRsa, bitString(Uint8Array.from(sign('sha256', tbs, by.privateKey)))))
}

const [manufacturer, owner, card, partition] = [makePair(), makePair(), makePair(), makePair()]
export const pairs = { manufacturer, owner, card, partition }
const names = { manufacturer: 'maker root', owner: 'owner root', card: 'card', partition: 'partition' }

/** Of a pair by another, under the names of both. */
export const certificate = (of: keyof typeof names, by: keyof typeof names, change: Partial<Issue> = {}): string =>
  certify({ of: pairs[of], name: names[of], by: pairs[by], byName: names[by], ...change })

export const statement = Buffer.from('a statement of the partition, of no form that anybody reads here')

/** What the partition signs, with the signature behind it, gzipped. */
export const signStatement = (by: KeyObject, of: Buffer = statement): Buffer =>
  gzipSync(Buffer.concat([of, sign('sha256', of, by)]))

export const chains = {
  caviumCerts: [certificate('partition', 'card'), certificate('card', 'manufacturer')],
  googleCardCerts: [certificate('card', 'owner')],
  googlePartitionCerts: [certificate('partition', 'owner')],
}

export const attestationOf = (content: Buffer, certChains: Attestation['certChains'] = chains) => ({
  ...{ format: 'CAVIUM_V2_COMPRESSED', content: content.toString('base64'), certChains },
})

export const pinnedTo = (content: Buffer): PinnedHsm => ({
  manufacturer: certificate('manufacturer', 'manufacturer'),
  owner: certificate('owner', 'owner'),
  statement: createHash('sha256').update(content).digest('hex'),
})
