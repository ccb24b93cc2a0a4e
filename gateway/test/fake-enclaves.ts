import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { packageDigest } from '@quorate/shared/verify/quorum'
import { Digest, type EnclaveId } from '@quorate/shared/wire/ids'
import { hostMethods, type HostMethod, type HostParams, type HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Roster, Skeleton } from '@quorate/shared/wire/keygen'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import { sealing } from './enclaves/fake-enclave.ts'
import type { HostEvent } from '../src/engine/ports.ts'
import type { Enclaves, EnclaveStatus } from '../src/hosts/enclaves/enclaves.ts'
import { certificateBodyFor, hostSigner, identityOf, receiptFor, type GrantTerms } from './key-record.ts'
import { noticed, until } from '../../shared/test/noticing.js'

type Keygen = {
  skeleton: Skeleton
  registered: Map<number, GrantTerms | null>
  attempt: number
  round: number
  roster: Roster | null
}
type Nonce = { request: SigningRequest; package: string | null; partial: string }
type Memory = { keygens: Map<string, Keygen>; shares: Set<string>; nonces: Map<string, Nonce> }
type Handlers = { [M in HostMethod]?: (params: HostParams<M>, at: Host) => Promise<HostResult<M>> }

/** What a participant seals in these tests: nothing is secret here, so that the fake can look into it. */
export const sealRegistration = (index: number, grant: GrantTerms | null = null): string =>
  Buffer.from(JSON.stringify({ index, grant })).toString('base64url')

class Host {
  memory: Memory = { keygens: new Map(), shares: new Set(), nonces: new Map() }
  state: 'ready' | 'down' = 'ready'
  boots = 1
  readonly identity: EnclaveIdentity
  constructor(identity: EnclaveIdentity) {
    this.identity = identity
  }
}

const known = (at: Host, keyId: string): Keygen => {
  const keygen = at.memory.keygens.get(keyId)
  if (!keygen) throw new Refusal('keygen.unknown')
  return keygen
}
const inRound = (at: Host, keyId: string, attempt: number, round: number): Keygen => {
  const keygen = known(at, keyId)
  if (keygen.attempt !== attempt || keygen.round < round - 1) throw new Refusal('keygen.out_of_order')
  keygen.round = round
  return keygen
}
const signerOf = (at: Host) => hostSigner(at.identity.enclaveId)

const keygenHandlers: Handlers = {
  'keygen.init': ({ skeleton, sealed }, at) => {
    if (sealed === 'YmFk') throw new Refusal('seal.invalid')
    const keygen = at.memory.keygens.get(skeleton.keyId)
    if (keygen && digestOf('skeleton', keygen.skeleton) !== digestOf('skeleton', skeleton))
      throw new Refusal('keygen.skeleton_mismatch')
    const fresh = { skeleton, registered: new Map<number, GrantTerms | null>(), attempt: 0, round: 0, roster: null }
    at.memory.keygens.set(skeleton.keyId, keygen ?? fresh)
    return Promise.resolve({})
  },
  'keygen.register': async ({ keyId, sealed }, at) => {
    const keygen = known(at, keyId)
    const { index, grant } = JSON.parse(Buffer.from(sealed, 'base64url').toString()) as {
      index: number
      grant: GrantTerms | null
    }
    const before = keygen.registered.get(index)
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(grant)) throw new Refusal('keygen.slot_taken')
    keygen.registered.set(index, grant)
    return { receipt: await receiptFor(keygen.skeleton, index, grant) }
  },
  'keygen.round1': async ({ keyId, index, attempt, roster }, at) => {
    const keygen = known(at, keyId)
    if (!keygen.registered.has(index)) throw new Refusal('keygen.unknown')
    if (attempt < keygen.attempt) throw new Refusal('keygen.out_of_order')
    Object.assign(keygen, { attempt, round: 1, roster })
    const ceremony = Digest.parse(digestOf('roster', roster))
    return {
      message: await signBody(await signerOf(at), 'round-one', {
        keyId,
        ceremony,
        attempt,
        from: index,
        package: 'cG9uZQ',
      }),
    }
  },
  'keygen.round2': async ({ keyId, index, attempt, messages }, at) => {
    const { skeleton } = inRound(at, keyId, attempt, 2)
    if (messages.length !== skeleton.participants.length) throw new Refusal('keygen.bad_package')
    const others = skeleton.participants.filter((other) => other.index !== index)
    const ceremony = messages[0]!.body.ceremony
    const body = {
      keyId,
      ceremony,
      attempt,
      from: index,
      transcript: digestOf('transcript', messages),
      sealed: 'cHR3bw',
    }
    const signer = await signerOf(at)
    const packages = others.map((other) => signBody(signer, 'round-two', { ...body, to: other.index }))
    return { packages: await Promise.all(packages) }
  },
  'keygen.round3': async ({ keyId, index, attempt, packages }, at) => {
    const { skeleton, roster } = inRound(at, keyId, attempt, 3)
    if (packages.length !== skeleton.participants.length - 1 || packages.some(({ body }) => body.to !== index))
      throw new Refusal('keygen.bad_package')
    const certificate = certificateBodyFor(roster!.skeleton, roster!.registrations)
    const { signature } = await signBody(await signerOf(at), 'certificate', certificate)
    return { certificate, signature, sealedShare: Buffer.from(`share ${index}`).toString('base64url') }
  },
}

const shareName = (keyId: string, index: number) => `${keyId}/${index}`
const nonceName = ({ signingId, attempt, index }: { signingId: string; attempt: number; index: number }) =>
  `${signingId}/${attempt}/${index}`
const nonceOf = (at: Host, of: { signingId: string; attempt: number; index: number }): Nonce => {
  const nonce = at.memory.nonces.get(nonceName(of))
  if (!nonce) throw new Refusal('signing.unknown')
  return nonce
}

const signingHandlers: Handlers = {
  'key.load': ({ certificate, index }, at) => {
    at.memory.shares.add(shareName(certificate.body.roster.skeleton.keyId, index))
    return Promise.resolve({})
  },
  'signing.commit': async ({ attempt, index, request, consents }, at) => {
    const { signingId, keyId, asker, items } = request.body
    if (!at.memory.shares.has(shareName(keyId, index))) throw new Refusal('key.unknown')
    const agreed = index === asker || consents.some(({ body }) => body.index === index && body.decision === 'approve')
    if (!agreed) throw new Refusal('consent.missing', [index])
    const of = { signingId, attempt, index }
    const nonce = at.memory.nonces.get(nonceName(of)) ?? { request, package: null, partial: `${at.boots}` }
    at.memory.nonces.set(nonceName(of), nonce)
    const requestDigest = Digest.parse(digestOf('request', request.body))
    const commitments = items.map(() => ({
      commitment: Buffer.from(`nonce of boot ${at.boots}`).toString('base64url'),
    }))
    return { commitment: await signBody(await signerOf(at), 'commitment', { ...of, requestDigest, commitments }) }
  },
  'signing.partial': async ({ commitments, consents, ...of }, at) => {
    const nonce = nonceOf(at, of)
    const asked = packageDigest({ ...of, commitments, consents })
    if (nonce.package !== null && nonce.package !== asked) throw new Refusal('nonce.spent')
    nonce.package = asked
    return { partial: await signBody(await signerOf(at), 'partial', { ...of, packageDigest: asked, sealed: 'cGFydA' }) }
  },
  'signing.aggregate': (of, at) => {
    const { request } = nonceOf(at, of)
    const results = request.body.items.map(() => ({ sealedSignature: 'c2lnbmF0dXJl' }))
    return Promise.resolve({ results, resultDigest: Digest.parse('55'.repeat(32)) })
  },
  'signing.confirm': async ({ request, ...of }, at) => {
    if (!at.memory.shares.has(shareName(request.body.keyId, of.index))) throw new Refusal('key.unknown')
    const receipt = {
      attempt: of.attempt,
      packageDigest: packageDigest(of),
      requestDigest: Digest.parse(digestOf('request', request.body)),
      resultDigest: Digest.parse('55'.repeat(32)),
      quorum: [1, 2],
      index: of.index,
      policyDigest: Digest.parse('66'.repeat(32)),
      epoch: 0,
      measurements: { 0: '77'.repeat(48) },
      signedAt: 1,
    }
    return { receipt: await signBody(await signerOf(at), 'signing-receipt', receipt) }
  },
}
const hello: Handlers['hello'] = (_, at) =>
  Promise.resolve({ bootId: String(at.boots).padStart(64, '0'), locked: false, identity: at.identity, sealing })
const handlers: Handlers = { hello, ...keygenHandlers, ...signingHandlers }

export type Call = { enclaveId: EnclaveId; method: HostMethod; params: unknown }
type Fault = { enclaveId: string; method: HostMethod; then: RefusalCode | (() => unknown); culprits: number[] }

/** Enclaves in this process: they keep to the wire's schemas and to the rules of the protocol, and can be made to fail. */
export class FakeEnclaves implements Enclaves {
  readonly calls: Call[] = []
  readonly #hosts = new Map<EnclaveId, Host>()
  readonly #listeners = new Set<(event: HostEvent) => void>()
  #faults: Fault[] = []
  introductions = 0

  static async start(count = 3): Promise<FakeEnclaves> {
    const fleet = new FakeEnclaves()
    for (let at = 0; at < count; at += 1) {
      const identity = await identityOf(`enclave-${at}`)
      fleet.#hosts.set(identity.enclaveId, new Host(identity))
    }
    return fleet
  }

  /** How many listen for what becomes of them. */
  get listeners(): number {
    return this.#listeners.size
  }

  ids(): EnclaveId[] {
    return [...this.#hosts.keys()]
  }

  #host(id: EnclaveId): Host {
    const host = this.#hosts.get(id)
    if (!host) throw new Error(`no enclave ${id}`)
    return host
  }

  state(id: EnclaveId): EnclaveStatus['state'] {
    return this.#host(id).state
  }

  status(id: EnclaveId): EnclaveStatus {
    const { state, identity } = this.#host(id)
    return { state, identity: state === 'ready' ? identity : null, sealing }
  }

  subscribe(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener)
    noticed()
    return () => this.#listeners.delete(listener)
  }

  introduce(ids: readonly EnclaveId[]): Promise<void> {
    this.introductions += 1
    if (ids.some((id) => this.#host(id).state === 'down')) return Promise.reject(new Refusal('enclave.unreachable'))
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** The next call of `method` there is refused, or is done after `then` has run. */
  fault(enclaveId: string, method: HostMethod, then: Fault['then'], culprits: number[] = []): void {
    this.#faults.push({ enclaveId, method, then, culprits })
  }

  /** The next call of `method` there hangs until the test says that its time is over. */
  hang(enclaveId: string, method: HostMethod): { asked: () => Promise<void>; timeOut: () => void } {
    let asked = false
    let timeOut = () => {}
    const hanging = new Promise<never>((_, reject) => {
      timeOut = () => reject(new Refusal('enclave.timeout'))
    })
    this.fault(enclaveId, method, () => {
      asked = true
      noticed()
      return hanging
    })
    return { asked: () => until(() => asked, `${method} at ${enclaveId}`), timeOut }
  }

  kill(id: string): void {
    this.#host(id as EnclaveId).state = 'down'
    this.#tell('down', id)
  }

  /** It was there all the time, and now it is heard of. */
  reach(id: string): void {
    this.#host(id as EnclaveId).state = 'ready'
    this.#tell('ready', id)
  }

  /** Starts it again: same identity, nothing in memory. */
  restart(id: string): void {
    const host = this.#host(id as EnclaveId)
    host.state = 'ready'
    host.boots += 1
    host.memory = { keygens: new Map(), shares: new Set(), nonces: new Map() }
    this.#tell('restarted', id)
    this.#tell('ready', id)
  }

  count(method: HostMethod, enclaveId?: string): number {
    return this.calls.filter((call) => call.method === method && (!enclaveId || call.enclaveId === enclaveId)).length
  }

  #tell(type: 'ready' | 'down' | 'restarted', id: string): void {
    for (const listener of this.#listeners) listener({ type, host: id as EnclaveId })
  }

  async ask<M extends HostMethod>(id: EnclaveId, method: M, params: HostParams<M>): Promise<HostResult<M>> {
    const host = this.#host(id)
    this.calls.push({ enclaveId: id, method, params })
    hostMethods[method].params.parse(params)
    await new Promise((resolve) => setImmediate(resolve))
    const at = this.#faults.findIndex((fault) => fault.enclaveId === id && fault.method === method)
    const [fault] = at < 0 ? [] : this.#faults.splice(at, 1)
    if (typeof fault?.then === 'function') await fault.then()
    else if (fault) throw new Refusal(fault.then, fault.culprits)
    const boot = host.boots
    if (host.state === 'down') throw new Refusal('enclave.unreachable')
    const result = await handlers[method]!(params, host)
    if (this.status(id).state === 'down' || host.boots !== boot) throw new Refusal('enclave.unreachable')
    return hostMethods[method].result.parse(result) as HostResult<M>
  }
}
