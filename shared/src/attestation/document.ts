import { toHex } from '../wire/bytes.ts'
import { decodeForeign } from '../crypto/cbor.ts'
import { refuse } from './der.ts'
import type { Measurements } from '../wire/measurements.ts'

/** The payload of an attestation document, in the shape that AWS's NSM writes. Not verified. */
export type DocumentPayload = Readonly<{
  moduleId: string
  timestamp: number
  pcrs: Measurements
  certificate: Uint8Array
  cabundle: readonly Uint8Array[]
  publicKey: Uint8Array | null
  userData: Uint8Array | null
  nonce: Uint8Array | null
}>

const fields = [
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
]
const pcrSizes = [32, 48, 64]

/** Reads the payload by AWS's CDDL: all fields, no others, each within its size. An absent field is null. */
export function readPayload(bytes: Uint8Array): DocumentPayload {
  const map = decodeForeign(bytes)
  if (!(map instanceof Map) || [...map.keys()].some((key) => !fields.includes(key as string))) return refuse()
  const moduleId: unknown = map.get('module_id')
  const timestamp: unknown = map.get('timestamp')
  const cabundle: unknown = map.get('cabundle')
  if (typeof moduleId !== 'string' || moduleId === '' || map.get('digest') !== 'SHA384') return refuse()
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp) || timestamp <= 0) return refuse()
  if (!Array.isArray(cabundle)) return refuse()
  return {
    moduleId,
    timestamp,
    pcrs: readPcrs(map.get('pcrs')),
    certificate: readBytes(map.get('certificate'), 1, 1024),
    cabundle: cabundle.map((certificate) => readBytes(certificate, 1, 1024)),
    publicKey: readOptional(map.get('public_key'), 1, 1024),
    userData: readOptional(map.get('user_data'), 0, 512),
    nonce: readOptional(map.get('nonce'), 0, 512),
  }
}

const readBytes = (value: unknown, least: number, most: number): Uint8Array =>
  value instanceof Uint8Array && value.length >= least && value.length <= most ? value : refuse()

const readOptional = (value: unknown, least: number, most: number): Uint8Array | null =>
  value === null || value === undefined ? null : readBytes(value, least, most)

function readPcrs(value: unknown): Measurements {
  if (!(value instanceof Map) || value.size < 1 || value.size > 32) return refuse()
  const pcrs: Record<string, string> = {}
  for (const [index, pcr] of value as Map<unknown, unknown>) {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > 31) return refuse()
    if (!(pcr instanceof Uint8Array) || !pcrSizes.includes(pcr.length)) return refuse()
    pcrs[String(index)] = toHex(pcr)
  }
  return pcrs
}
