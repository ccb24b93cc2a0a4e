import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNsm, type Nsm } from '@quorate/enclave/platform/nsm'
import { openDocument, verifyDocument } from '@quorate/shared/attestation/verify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDocumentIssuer } from '../src/nsm/documents.ts'
import { loadOrCreateChain, type DevelopmentChain } from '../src/nsm/development-root.ts'
import { createModule, startNsm } from '../src/nsm/hypervisor.ts'
import { measure } from '../src/nsm/measure.ts'
import { connectNsmSocket } from '../src/nsm/socket-transport.ts'

let folder: string
let chain: DevelopmentChain
let pcrs: Map<number, Uint8Array>
let running: { close: () => Promise<void> }
let nsm: Nsm
let image: { application: string[]; runtime: string[]; role: string; instanceId: string }
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const claims = { publicKey: null, userData: null, nonce: null }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nsm-'))
  await writeFile(join(folder, 'application.js'), 'application')
  await writeFile(join(folder, 'runtime'), 'runtime')
  image = {
    application: [join(folder, 'application.js')],
    runtime: [join(folder, 'runtime')],
    role: 'enclave',
    instanceId: 'e1',
  }
  chain = await loadOrCreateChain(folder)
  pcrs = await measure(image)
  const socketPath = join(folder, 'nsm.sock')
  running = await startNsm({ socketPath, chain, pcrs, moduleId: 'i-0-enc1' })
  nsm = createNsm(connectNsmSocket(socketPath))
})

afterAll(async () => {
  await running.close()
  await rm(folder, { recursive: true })
})

const policy = () => ({
  roots: [chain.rootPem],
  measurements: [{ '0': hex(pcrs.get(0)), '2': hex(pcrs.get(2)), '4': hex(pcrs.get(4)) }],
})

describe('the simulated security module', () => {
  it('issues documents that the one verifier accepts under the development root', async () => {
    const asked = { publicKey: Uint8Array.of(2, 3), userData: Uint8Array.of(4), nonce: new Uint8Array(32).fill(5) }
    const document = await nsm.attest(asked)
    const verified = await verifyDocument(document, {
      policy: policy(),
      nonce: asked.nonce,
      now: Date.now(),
      maxAge: 1000,
    })
    expect(verified).toMatchObject({ ...asked, moduleId: 'i-0-enc1' })
    expect(Object.keys(verified.pcrs)).toHaveLength(16)
  })

  it('writes documents in the shape of genuine ones', async () => {
    const genuine = new Uint8Array(
      await readFile(new URL('../../../shared/test/vectors/nitro-attestation/marlin_sample1.bin', import.meta.url)),
    )
    const ours = await nsm.attest({ publicKey: new Uint8Array(32), userData: new Uint8Array(42), nonce: null })
    const heads = (document: Uint8Array) => hex(document.subarray(0, 7)) + hex(document.subarray(10, 20))
    expect(heads(ours)).toBe(heads(genuine))
    const shape = (document: Uint8Array) => {
      const { payload, chain: read } = openDocument(document)
      return {
        fields: Object.keys(payload),
        pcrs: Object.keys(payload.pcrs),
        chain: read.certificates.map(({ ca, pathLength, signsDocuments, signsCertificates }) => ({
          ca,
          pathLength,
          signsDocuments,
          signsCertificates,
        })),
      }
    }
    expect(shape(ours)).toEqual(shape(genuine))
  })

  it('has a chain that OpenSSL verifies too', async () => {
    const { payload } = openDocument(await nsm.attest(claims))
    const certificates = [...payload.cabundle, payload.certificate].map((der) => new X509Certificate(der))
    certificates.forEach((certificate, i) => {
      const issuer = certificates[Math.max(0, i - 1)]!
      expect(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey), certificate.subject).toBe(true)
      expect(certificate.ca).toBe(i < 4)
    })
  })

  it('keeps a leaf for three hours, and every document has ten minutes of it left', () => {
    let now = Date.now()
    const issue = createDocumentIssuer({ chain, pcrs, moduleId: 'm', now: () => now })
    const leaf = () => openDocument(issue(claims)).chain.leaf
    const first = leaf()
    expect(first.notAfter - first.notBefore).toBeLessThanOrEqual(3 * 3_600_000 + 4000)
    now += 2 * 3_600_000
    expect(hex(leaf().der)).toBe(hex(first.der))
    now += 51 * 60_000
    expect(hex(leaf().der)).not.toBe(hex(first.der))
    expect(leaf().notAfter - now).toBeGreaterThan(600_000)
  })

  it('describes itself and its registers, and gives as much entropy as is asked', async () => {
    await expect(nsm.describe()).resolves.toMatchObject({ moduleId: 'i-0-enc1', digest: 'SHA384', maxPcrs: 32 })
    await expect(nsm.describePcr(0)).resolves.toEqual({ locked: true, value: pcrs.get(0) })
    const random = await nsm.random(700)
    expect(new Set(random).size).toBeGreaterThan(100)
    expect(hex(await nsm.random(32))).not.toBe(hex(await nsm.random(32)))
  })

  it('answers many at once, each its own', async () => {
    const nonces = Array.from({ length: 30 }, (_, i) => new Uint8Array(8).fill(i))
    const documents = await Promise.all(nonces.map((nonce) => nsm.attest({ ...claims, nonce })))
    documents.forEach((document, i) => expect(openDocument(document).payload.nonce).toEqual(nonces[i]))
  })

  it('refuses what the real one refuses', async () => {
    const refused = { code: 'enclave.failed' }
    await expect(nsm.attest({ ...claims, userData: new Uint8Array(513) })).rejects.toMatchObject(refused)
    await expect(nsm.attest({ ...claims, publicKey: new Uint8Array(5000) })).rejects.toMatchObject(refused)
    await expect(nsm.describePcr(40)).rejects.toMatchObject(refused)
    const answer = createModule({ chain, pcrs, moduleId: 'm', now: Date.now })
    const text = (request: number[]) => Buffer.from(answer(Uint8Array.from(request))).toString('latin1')
    expect(text([])).toContain('InvalidArgument')
    expect(text([0xff])).toContain('InvalidArgument')
    expect(text([0x67, ...Buffer.from('Nothing')])).toContain('InvalidArgument')
    expect(text([0xa1, 0x69, ...Buffer.from('ExtendPCR'), 0xa0])).toContain('ReadOnlyIndex')
  })

  it('drops a connection that announces too much, and serves the others', async () => {
    const socket = connect(join(folder, 'nsm.sock'), () => socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff)))
    await new Promise((resolve) => socket.on('close', resolve).on('error', resolve))
    await expect(nsm.describe()).resolves.toBeDefined()
  })

  it('is unreachable, by code, when its socket is gone', async () => {
    const gone = createNsm(connectNsmSocket(join(folder, 'nowhere.sock')))
    await expect(gone.attest(claims)).rejects.toMatchObject({ code: 'enclave.failed' })
  })
})

describe('the development root', () => {
  it('is the same after a restart, also when two processes start at once, and its keys are the owner’s alone', async () => {
    const fresh = join(folder, 'fresh')
    const [a, b] = await Promise.all([loadOrCreateChain(fresh), loadOrCreateChain(fresh)])
    const c = await loadOrCreateChain(fresh)
    expect([b.rootPem, c.rootPem]).toEqual([a.rootPem, a.rootPem])
    expect(a.rootPem).not.toBe(chain.rootPem)
    expect((await stat(join(fresh, 'development-chain.json'))).mode & 0o777).toBe(0o600)
  })

  it('is trusted under its own policy only', async () => {
    const other = await loadOrCreateChain(join(folder, 'other'))
    const document = await nsm.attest(claims)
    const verify = (roots: string[]) =>
      verifyDocument(document, { policy: { ...policy(), roots }, nonce: null, now: Date.now() })
    await expect(verify([other.rootPem])).rejects.toMatchObject({ code: 'attestation.invalid' })
    await expect(verify([other.rootPem, chain.rootPem])).resolves.toBeDefined()
  })
})

describe('measuring', () => {
  it('changes the registers that it is about, and no others', async () => {
    const differing = async (change: Partial<typeof image>) => {
      const other = await measure({ ...image, ...change })
      return [0, 1, 2, 3, 4].filter((index) => hex(other.get(index)) !== hex(pcrs.get(index)))
    }
    const another = join(folder, 'another')
    await writeFile(another, 'another')
    expect(await differing({})).toEqual([])
    expect(await differing({ application: [another] })).toEqual([0, 2])
    expect(await differing({ application: [...image.application, another] })).toEqual([0, 2])
    expect(await differing({ runtime: [another] })).toEqual([0, 1])
    expect(await differing({ role: 'other' })).toEqual([3])
    expect(await differing({ instanceId: 'e2' })).toEqual([4])
  })

  it('fails when a file is not there', async () => {
    await expect(measure({ ...image, runtime: [join(folder, 'nothing')] })).rejects.toThrow('ENOENT')
  })
})
