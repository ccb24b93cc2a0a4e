import { sign } from 'node:crypto'
import { es384, sigStructure } from '@quorate/shared/attestation/cose'
import { encode } from 'cborg'
import { issueCertificate, type Authority } from './certificate.ts'
import type { DevelopmentChain } from './development-root.ts'

/** What the hypervisor knows of one enclave. `pcrs`: index → SHA-384. `now` in ms. */
export type Module = Readonly<{
  chain: DevelopmentChain
  pcrs: ReadonlyMap<number, Uint8Array>
  moduleId: string
  now: () => number
}>

/** What the enclave asked to have in its document. */
export type Claims = Readonly<{ publicKey: Uint8Array | null; userData: Uint8Array | null; nonce: Uint8Array | null }>

const leafLifetime = 3 * 3_600_000
/** A leaf is renewed while there are this many ms left, so that a document is good for as long at least. */
const leafReserve = 600_000

/** Issues documents in AWS's format. Like AWS's, the leaf and its key live for three hours and serve for all documents of that time. */
export function createDocumentIssuer({ chain, pcrs, moduleId, now }: Module): (claims: Claims) => Uint8Array {
  let leaf: (Authority & { notAfter: number }) | undefined
  return ({ publicKey, userData, nonce }) => {
    const timestamp = now()
    if (leaf === undefined || timestamp > leaf.notAfter - leafReserve) leaf = issueLeaf(chain, moduleId, timestamp)
    const payload = encodeInOrder(
      new Map<string, unknown>([
        ['module_id', moduleId],
        ['digest', 'SHA384'],
        ['timestamp', timestamp],
        ['pcrs', lockedPcrs(pcrs)],
        ['certificate', leaf.certificate],
        ['cabundle', chain.cabundle],
        ['public_key', publicKey],
        ['user_data', userData],
        ['nonce', nonce],
      ]),
    )
    const signature = sign('sha384', sigStructure(payload), { key: leaf.privateKey, dsaEncoding: 'ieee-p1363' })
    return encodeInOrder([es384, new Map(), payload, Uint8Array.from(signature)])
  }
}

function issueLeaf(chain: DevelopmentChain, moduleId: string, now: number): Authority & { notAfter: number } {
  const notAfter = now + leafLifetime
  const subject = [
    ['C', 'US'],
    ['O', 'Quorate'],
    ['OU', 'Development'],
    ['CN', `${moduleId}.local`],
  ] as const
  return { ...issueCertificate({ subject, notBefore: now - 3_000, notAfter, ca: null }, chain.instance), notAfter }
}

/** A document lists the locked registers, 0 to 15; one that nothing was measured into is zero. */
export const lockedPcrs = (pcrs: ReadonlyMap<number, Uint8Array>): Map<number, Uint8Array> =>
  new Map(Array.from({ length: 16 }, (_, index) => [index, pcrs.get(index) ?? new Uint8Array(48)]))

/** The NSM writes map entries in the order of its structs. */
const encodeInOrder = (value: unknown): Uint8Array => Uint8Array.from(encode(value, { mapSorter: () => 0 }))
