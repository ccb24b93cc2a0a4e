import { encode } from 'cborg'
import { sigStructure } from '../src/attestation/cose.ts'
import { fromHex } from '../src/wire/bytes.ts'

/**
 * A small issuer of certificates and documents in the shape of AWS's, for tests that need what AWS would never sign.
 * It writes DER by hand, on its own, so that what the reader refuses is in the test's power.
 */
type Pair = Awaited<ReturnType<typeof newPair>>
export type CertificateWish = {
  ca?: boolean
  pathLength?: number
  usage?: number
  subject?: string
  issuer?: string
  notBefore?: number
  notAfter?: number
  extra?: Uint8Array
  curve?: 'P-256'
}
type Issued = { der: Uint8Array<ArrayBuffer>; pair: Pair; subject: string }

const hour = 3_600_000
const algorithm = fromHex('300a06082a8648ce3d040303')
const concat = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const text = (value: string) => new TextEncoder().encode(value)

export function der(tag: number, ...contents: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concat(contents)
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff]
  return concat([Uint8Array.from([tag, ...length]), body])
}

function integer(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  const magnitude = bytes.subarray(first)
  return der(2, (magnitude[0] ?? 0) >= 0x80 ? concat([Uint8Array.of(0), magnitude]) : magnitude)
}

const newPair = (namedCurve: 'P-384' | 'P-256' = 'P-384') =>
  crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify'])
const name = (common: string) => der(0x30, der(0x31, der(0x30, fromHex('0603550403'), der(0x0c, text(common)))))
const time = (ms: number) =>
  der(
    0x17,
    text(new Date(ms).toISOString().replace(/^\d\d(\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\..*$/, '$1$2$3$4$5$6Z')),
  )
const sign = async (pair: Pair, message: Uint8Array) =>
  new Uint8Array(
    await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, pair.privateKey, Uint8Array.from(message)),
  )

/** Issues one certificate. Without an issuer it signs itself. */
export async function issue(wish: CertificateWish, issuer?: Issued, now = Date.now()): Promise<Issued> {
  const pair = await newPair(wish.curve)
  const subject = wish.subject ?? `forged ${Math.random()}`
  const constraints =
    wish.ca === false
      ? []
      : [
          der(1, Uint8Array.of(0xff)),
          ...(wish.pathLength === undefined ? [] : [der(2, Uint8Array.of(wish.pathLength))]),
        ]
  const tbs = der(
    0x30,
    der(0xa0, der(2, Uint8Array.of(2))),
    integer(Uint8Array.of(1, 2, 3)),
    algorithm,
    name(wish.issuer ?? issuer?.subject ?? subject),
    der(0x30, time(wish.notBefore ?? now - hour), time(wish.notAfter ?? now + 2 * hour)),
    name(subject),
    new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    der(
      0xa3,
      der(
        0x30,
        extension('551d13', der(0x30, ...constraints)),
        extension('551d0f', der(3, Uint8Array.of(1, wish.usage ?? 0x86))),
        wish.extra ?? new Uint8Array(0),
      ),
    ),
  )
  const signature = await sign(issuer?.pair ?? pair, tbs)
  const value = der(0x30, integer(signature.subarray(0, 48)), integer(signature.subarray(48)))
  return { der: der(0x30, tbs, algorithm, der(3, Uint8Array.of(0), value)), pair, subject }
}

export const extension = (oid: string, value: Uint8Array, critical = true) =>
  der(0x30, der(6, fromHex(oid)), ...(critical ? [der(1, Uint8Array.of(0xff))] : []), der(4, value))

export type Forgery = { bundle: Issued[]; leaf: Issued }

/** A chain of five, root first, each certificate as wished where a wish is given. */
export async function forgeChain(
  wishes: Partial<Record<'root' | 'regional' | 'zonal' | 'instance' | 'leaf', CertificateWish>> = {},
): Promise<Forgery> {
  const root = await issue({ ...wishes.root })
  const regional = await issue({ pathLength: 2, ...wishes.regional }, root)
  const zonal = await issue({ pathLength: 1, ...wishes.zonal }, regional)
  const instance = await issue({ pathLength: 0, usage: 0x04, ...wishes.instance }, zonal)
  const leaf = await issue({ ca: false, usage: 0xc0, ...wishes.leaf }, instance)
  return { bundle: [root, regional, zonal, instance], leaf }
}

export const pcr = (byte: number) => new Uint8Array(48).fill(byte)

/** The payload of a document with sound fields. */
export const payloadFields = ({ bundle, leaf }: Forgery, timestamp = Date.now()): [string, unknown][] => [
  ['module_id', 'i-forged-enc01'],
  ['digest', 'SHA384'],
  ['timestamp', timestamp],
  ['pcrs', new Map([0, 1, 2, 3, 4].map((index) => [index, pcr(index + 1)]))],
  ['certificate', leaf.der],
  ['cabundle', bundle.map((certificate) => certificate.der)],
  ['public_key', null],
  ['user_data', null],
  ['nonce', null],
]

/** Signs a payload (fields or bytes) with the chain's leaf into an untagged COSE_Sign1. */
export async function forgeDocument(chain: Forgery, fields: [string, unknown][] | Uint8Array): Promise<Uint8Array> {
  const payload = fields instanceof Uint8Array ? fields : encode(new Map(fields))
  return encode([fromHex('a1013822'), new Map(), payload, await sign(chain.leaf.pair, sigStructure(payload))])
}

export const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
