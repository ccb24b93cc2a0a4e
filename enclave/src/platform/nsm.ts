import { sha256 } from '@noble/hashes/sha2.js'
import { Refusal } from '@quorate/shared/errors'
import { decodeForeign, encode } from '@quorate/shared/crypto/cbor'
import { toHex } from '@quorate/shared/wire/bytes'
import * as z from 'zod'

/** What goes into an attestation document beside the measurements. At most 1024, 512 and 512 bytes; null leaves it out. */
export type AttestationRequest = Readonly<{
  publicKey: Uint8Array | null
  userData: Uint8Array | null
  nonce: Uint8Array | null
}>

/** What the security module says of itself. */
export type NsmDescription = Readonly<{
  moduleId: string
  version: string
  maxPcrs: number
  lockedPcrs: readonly number[]
  digest: string
}>

/** The Nitro Security Module. Every call throws `enclave.failed` when the module refuses, or answers something else. */
export type Nsm = Readonly<{
  /** A fresh attestation document (COSE_Sign1) over these. */
  attest: (request: AttestationRequest) => Promise<Uint8Array>
  /** This many bytes of the module's entropy. Throws a plain Error when it says again what it has said. The caller owns and wipes them. */
  random: (length: number) => Promise<Uint8Array>
  describe: () => Promise<NsmDescription>
  describePcr: (index: number) => Promise<{ locked: boolean; value: Uint8Array }>
  /** Makes a register SHA-384(what it holds ‖ data), which is answered. Refused once it is locked. */
  extendPcr: (index: number, data: Uint8Array) => Promise<Uint8Array>
  /** Nothing changes this register any more until the enclave ends. */
  lockPcr: (index: number) => Promise<void>
  /** Locks registers 0 to count − 1. */
  lockPcrs: (count: number) => Promise<void>
}>

/** Carries one request to the module and its reply back: an ioctl on /dev/nsm, or whatever stands for it. */
export type NsmTransport = (request: Uint8Array) => Promise<Uint8Array>

/** Bytes of the buffers of the kernel's driver: NSM_REQUEST_MAX_SIZE and NSM_RESPONSE_MAX_SIZE of linux/nsm.h. */
export const longestRequest = 0x1000
export const longestReply = 0x3000

const Bytes = z.instanceof(Uint8Array)
const Attestation = z.strictObject({ document: Bytes })
const Random = z.strictObject({ random: Bytes })
const Pcr = z.strictObject({ lock: z.boolean(), data: Bytes })
const Extended = z.strictObject({ data: Bytes })
const Description = z.strictObject({
  version_major: z.int(),
  version_minor: z.int(),
  version_patch: z.int(),
  module_id: z.string(),
  max_pcrs: z.int(),
  locked_pcrs: z.array(z.int()),
  digest: z.string(),
})

/**
 * Speaks the module's CBOR as aws-nitro-enclaves-nsm-api does: serde's externally tagged enums, so a request is a name, or
 * a map of its name to its fields, and a reply likewise, or { Error: code }.
 */
export function createNsm(transport: NsmTransport): Nsm {
  const ask = async (name: string, fields: object | null): Promise<Uint8Array> => {
    const request = encode(fields === null ? name : { [name]: fields })
    if (request.length > longestRequest) throw new Refusal('enclave.failed')
    return await transport(request)
  }
  const call = async <T>(name: string, fields: object | null, reply: z.ZodType<T>): Promise<T> =>
    readReply(await ask(name, fields), name, reply)
  const draw = refusingRepeats(async () => (await call('GetRandom', null, Random)).random)
  const act = async (name: string, fields: object): Promise<void> => readDone(await ask(name, fields), name)
  return {
    attest: async ({ publicKey, userData, nonce }) => {
      const fields = { user_data: userData, nonce, public_key: publicKey }
      return (await call('Attestation', fields, Attestation)).document
    },
    random: (length) => collectRandom(length, draw),
    describe: async () => {
      const it = await call('DescribeNSM', null, Description)
      const version = `${it.version_major}.${it.version_minor}.${it.version_patch}`
      return { moduleId: it.module_id, version, maxPcrs: it.max_pcrs, lockedPcrs: it.locked_pcrs, digest: it.digest }
    },
    describePcr: async (index) => {
      const { lock, data } = await call('DescribePCR', { index }, Pcr)
      return { locked: lock, value: data }
    },
    extendPcr: async (index, data) => (await call('ExtendPCR', { index, data }, Extended)).data,
    lockPcr: (index) => act('LockPCR', { index }),
    lockPcrs: (count) => act('LockPCRs', { range: count }),
  }
}

/** A variant without fields is its bare name. */
function readDone(reply: Uint8Array, name: string): void {
  if (readVariant(reply) !== name) throw new Refusal('enclave.failed')
}

function readVariant(reply: Uint8Array): unknown {
  try {
    if (reply.length > longestReply) throw new RangeError()
    return decodeForeign(reply)
  } catch {
    throw new Refusal('enclave.failed')
  }
}

function readReply<T>(reply: Uint8Array, name: string, schema: z.ZodType<T>): T {
  const variant = readVariant(reply)
  try {
    const fields: unknown = variant instanceof Map && variant.size === 1 ? variant.get(name) : undefined
    return schema.parse(Object.fromEntries(fields as Map<string, unknown>))
  } catch {
    throw new Refusal('enclave.failed')
  }
}

/** An answer of fewer bytes than this could come twice by chance. The module gives 256. */
const shortestDraw = 32
const remembered = 1_024

/**
 * Refuses an answer that came before, among the last 1,024 of this life. That the module says what it said to another life, or what
 * somebody else knows, nobody can see from inside: so the kernel and the key service have a part in what is drawn.
 */
function refusingRepeats(draw: () => Promise<Uint8Array>): () => Promise<Uint8Array> {
  const seen = new Set<string>()
  return async () => {
    const drawn = await draw()
    const digest = toHex(sha256(drawn))
    if (drawn.length < shortestDraw) throw new Refusal('enclave.failed')
    if (seen.has(digest)) throw new Error('NSM: the randomness repeats')
    seen.add(digest)
    const [oldest] = seen
    if (seen.size > remembered && oldest !== undefined) seen.delete(oldest)
    return drawn
  }
}

async function collectRandom(length: number, draw: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let filled = 0; filled < length;) {
    const drawn = await draw()
    const taken = drawn.subarray(0, length - filled)
    bytes.set(taken, filled)
    filled += taken.length
    drawn.fill(0)
  }
  return bytes
}
