import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { createEnclave } from '@quorate/enclave/enclave'
import type { EnclaveEvent, EnclaveLog } from '@quorate/enclave/events'
import type { SealingKms } from '@quorate/enclave/platform/kms'
import { createNsm, type AttestationRequest } from '@quorate/enclave/platform/nsm'
import type { Platform } from '@quorate/enclave/platform/platform'
import { createDispatch } from '@quorate/enclave/server/dispatch'
import { loadOrCreateChain } from '@quorate/local/nsm/development-root'
import { createModule } from '@quorate/local/nsm/hypervisor'
import type { Release } from '@quorate/enclave/policy/release'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { isRefusalCode, Refusal } from '@quorate/shared/errors'
import { loadMpc, type Frost, type Mpc } from '@quorate/shared/mpc'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { toHex } from '@quorate/shared/wire/bytes'
import { hostMethods, type HostMethod, type HostParams, type HostResult } from '@quorate/shared/ceremonies/host-methods'
import { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { introduceAll as introduceEach } from '../../../../shared/party/test/host.js'

/** One enclave of a cluster in this process: the real thing on a fake platform, reached through the real encoding. */
export type Member = {
  identity: EnclaveIdentity
  events: EnclaveEvent[]
  call: Call
  /** As `kill -9` and a start from what the gateway stored. */
  restart: () => Promise<void>
  /** The same sealed root started once more, beside this one: who starts images can do it, and nobody can tell them apart. */
  clone: () => Promise<Member>
}

export type Cluster = {
  members: Member[]
  /** What an enclave of this name would stand on. */
  platformOf: (enclaveId: string, log?: EnclaveLog, image?: string) => Platform
  /** PCR0 to 2 of an image by its name; that of the members is `image`. */
  measurementsOf: (image: string) => Measurements
  /** A document of this very image, over any claims: what a compromised enclave could get. */
  issue: (enclaveId: string, claims: AttestationRequest, image?: string) => Promise<Uint8Array>
  trust: TrustPolicy
  clock: { now: number }
  introduceAll: () => Promise<void>
}

/** A KMS of the platform: it wraps data keys under a key of its own and gives them to whoever asks. */
function fakeKms(): SealingKms {
  const key = randomBytes(32)
  const aad = (context: object) => Buffer.from(JSON.stringify(context))
  return {
    generateDataKey(context) {
      const plaintext = Uint8Array.from(randomBytes(32))
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad(context))
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
      return Promise.resolve({
        plaintext,
        ciphertext: Uint8Array.from([...nonce, ...cipher.getAuthTag(), ...body]),
        keyId: 'arn:test',
      })
    },
    decrypt(ciphertext, context) {
      const decipher = createDecipheriv('aes-256-gcm', key, ciphertext.subarray(0, 12)).setAAD(aad(context))
      decipher.setAuthTag(ciphertext.subarray(12, 28))
      try {
        const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(28)), decipher.final()])
        return Promise.resolve({ plaintext: Uint8Array.from(plaintext), keyId: 'arn:test' })
      } catch {
        return Promise.reject(new Refusal('kms.denied'))
      }
    },
    random: (length) => Promise.resolve(Uint8Array.from(randomBytes(length))),
  }
}

/** What that KMS attests: nothing, and it is asked by nobody else. */
const sealing: SealingClaims = {
  ...{ provider: 'simulator', releasesTo: 'holder-of-credentials', keyAttestation: 'none' },
}

const sha384 = (text: string) => Uint8Array.from(createHash('sha384').update(text).digest())

type Call = <M extends HostMethod>(method: M, params: HostParams<M>) => Promise<HostResult<M>>

/** The real thing on this platform, locked, reached through the real encoding. */
export function startEnclave(platform: Platform): { call: Call } {
  const dispatch = createDispatch(createEnclave(platform), platform.log)
  return {
    call: async (method, params) => {
      const reply = decode(await dispatch(encode([method, params]))) as {
        result?: unknown
        refusal?: { code: string; culprits: number[] }
      }
      if (reply.refusal)
        throw new Refusal(isRefusalCode(reply.refusal.code) ? reply.refusal.code : 'internal', reply.refusal.culprits)
      return hostMethods[method].result.parse(reply.result) as never
    },
  }
}

export type ClusterOptions = {
  size?: number
  /** The cryptography of one enclave, so that a test can make it lie. */
  mpcOf?: (number: number, mpc: Mpc) => Mpc
  /** Whose manifests the enclaves take. */
  release?: Release | null
}

export async function createCluster({
  size = 3,
  mpcOf = (_, mpc) => mpc,
  release = null,
}: ClusterOptions = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-'))
  const chain = await loadOrCreateChain(folder)
  await rm(folder, { recursive: true })
  const mpc = await loadMpc()
  const clock = { now: Date.now() }
  const kms = fakeKms()
  const pcrsOf = (image: string) => new Map([0, 1, 2].map((index) => [index, sha384(`${image} ${index}`)]))
  const measurementsOf = (image: string): Measurements =>
    Object.fromEntries([...pcrsOf(image)].map(([index, value]) => [String(index), toHex(value)]))
  const trust: TrustPolicy = { roots: [chain.rootPem], measurements: [measurementsOf('image')] }

  const nsmOf = (name: string, image: string) => {
    const answer = createModule({ chain, pcrs: pcrsOf(image), moduleId: `i-0-${name}`, now: () => clock.now })
    return createNsm((request) => Promise.resolve(answer(request)))
  }
  const platformOf: Cluster['platformOf'] = (name, log = () => undefined, image = 'image') => {
    const nsm = nsmOf(name, image)
    const enclaveId = EnclaveId.parse(name)
    const { roots } = trust
    return { enclaveId, nsm, kms, sealing, mpc, roots, release, clock: () => clock.now, log }
  }

  async function start(number: number, enclaveId: EnclaveId, sealedRoot: string | null, events: EnclaveEvent[]) {
    // A later start is later by a clock that stands still, too.
    clock.now += 1
    const platform = platformOf(enclaveId, (event) => void events.push(event))
    const { call } = startEnclave({ ...platform, mpc: mpcOf(number, mpc) })
    return { call, ...(await call('boot', { sealedRoot })) }
  }

  async function createMember(number: number): Promise<Member> {
    const enclaveId = EnclaveId.parse(`enclave-${number}`)
    const events: EnclaveEvent[] = []
    const { call, identity, sealedRoot } = await start(number, enclaveId, null, events)
    const member: Member = {
      identity,
      events,
      call,
      async restart() {
        const again = await start(number, enclaveId, sealedRoot, events)
        member.call = again.call
        member.identity = again.identity
      },
      clone: async () => ({ ...member, events: [], ...(await start(number, enclaveId, sealedRoot, [])) }),
    }
    return member
  }

  const members = await Promise.all(Array.from({ length: size }, (_, number) => createMember(number)))
  const introduceAll = () => introduceEach(members)
  await introduceAll()
  const issue: Cluster['issue'] = (enclaveId, claims, image = 'image') => nsmOf(enclaveId, image).attest(claims)
  return { members, platformOf, measurementsOf, issue, trust, clock, introduceAll }
}

/** A cluster in which the third enclave's cryptography lies in one call. */
export const createLyingCluster = (lie: (frost: Frost) => Partial<Frost>): Promise<Cluster> =>
  createCluster({
    mpcOf: (number, mpc) =>
      number === 2 ? { ...mpc, frost: (scheme) => ({ ...mpc.frost(scheme), ...lie(mpc.frost(scheme)) }) } : mpc,
  })
