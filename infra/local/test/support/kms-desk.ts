import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEnclave } from '@quorate/enclave/enclave'
import { createAttestedKms } from '@quorate/enclave/platform/attested-kms'
import type { SealingKms } from '@quorate/enclave/platform/kms'
import { createNsm, type Nsm } from '@quorate/enclave/platform/nsm'
import { loadMpc } from '@quorate/shared/mpc'
import { toHex } from '@quorate/shared/wire/bytes'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { developmentPrincipals, makeDevelopmentPolicy } from '../../src/kms/development-policy.ts'
import { arnOf, developmentKeyId } from '../../src/kms/key-store.ts'
import { startKms, type KmsOptions, type RunningKms } from '../../src/kms/server.ts'
import { loadOrCreateChain, type DevelopmentChain } from '../../src/nsm/development-root.ts'
import { createModule } from '../../src/nsm/hypervisor.ts'
import { loadOrCreateTls, type TlsMaterial } from '../../src/nsm/tls.ts'
import { clientOf } from './kms-client.ts'

export type Image = ReadonlyMap<number, Uint8Array>

const register = (byte: number) => new Uint8Array(48).fill(byte)
/** An image whose registers 0 to 4 are of this byte; 0 is one in debug mode. */
export const image = (byte: number): Image => new Map([0, 1, 2, 3, 4].map((index) => [index, register(byte)]))
export const pcrsOf = (of: Image) => Object.fromEntries([0, 1, 2].map((index) => [index, toHex(of.get(index)!)]))

export const keyArn = arnOf(developmentKeyId)
export const otherKeyId = '00000000-0000-4000-8000-000000000002'
export const context = { 'quorate:purpose': 'root', 'quorate:enclave': 'e1' }
/** Serves image(1) in the enclaves e1 and e2. */
export const policy = makeDevelopmentPolicy(pcrsOf(image(1)), ['e1', 'e2'], Date.now())

/** A folder with a KMS stand-in and what is around it: the development roots, and enclaves that ask it. */
export class KmsDesk {
  readonly folder: string
  readonly chain: DevelopmentChain
  readonly tls: TlsMaterial
  #running: RunningKms | undefined

  private constructor(folder: string, chain: DevelopmentChain, tls: TlsMaterial) {
    this.folder = folder
    this.chain = chain
    this.tls = tls
  }

  static async open(): Promise<KmsDesk> {
    const folder = await mkdtemp(join(tmpdir(), 'kms-'))
    const desk = new KmsDesk(folder, await loadOrCreateChain(join(folder, 'nsm')), await loadOrCreateTls(folder))
    await desk.restart()
    return desk
  }

  get kms(): RunningKms {
    if (this.#running === undefined) throw new Error('not started')
    return this.#running
  }

  async restart(more: Partial<KmsOptions> = {}): Promise<void> {
    await this.#running?.close()
    this.#running = await startKms({
      port: 0,
      tls: this.tls.server,
      folder: join(this.folder, 'kms'),
      roots: [this.chain.rootPem],
      keys: [
        { keyId: developmentKeyId, policy },
        { keyId: otherKeyId, policy },
      ],
      principals: developmentPrincipals,
      ...more,
    })
  }

  async close(): Promise<void> {
    await this.#running?.close()
    await rm(this.folder, { recursive: true })
  }

  /** AWS's own client, as an enclave has it. */
  client(accessKeyId: 'local' | 'administrator' | 'nobody' = 'local', port = this.kms.port) {
    return clientOf({ port, authority: this.tls.authority, accessKeyId })
  }

  nsm(of: Image, chain = this.chain, now = Date.now): Nsm {
    const module = createModule({ chain, pcrs: of, moduleId: 'i-0-enc1', now })
    return createNsm((request) => Promise.resolve(module(request)))
  }

  /** An enclave's way to KMS. */
  attested({
    nsm = this.nsm(image(1)),
    arn = keyArn,
    port = this.kms.port,
    clockDiffers = (seconds: number): unknown => seconds,
  } = {}): SealingKms {
    return createAttestedKms({ nsm, client: this.client('local', port), keyArn: arn, clockDiffers })
  }
}

/** Of a desk, the enclave `e1` with its root: the real thing, on a simulated NSM. */
export async function startEnclave(desk: KmsDesk, kms = desk.attested()): Promise<ReturnType<typeof createEnclave>> {
  return createEnclave({
    enclaveId: EnclaveId.parse('e1'),
    nsm: desk.nsm(image(1)),
    kms,
    sealing: { provider: 'simulator', releasesTo: 'measured-image', keyAttestation: 'none' },
    mpc: await loadMpc(),
    roots: [desk.chain.rootPem],
    release: null,
    clock: Date.now,
    log: () => undefined,
  })
}

/** What a call names as its recipient, and the key that opens the answer. */
export async function recipientOf(nsm: Nsm): Promise<{
  privateKey: KeyObject
  recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256'; AttestationDocument: Uint8Array }
}> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const AttestationDocument = await nsm.attest({ publicKey: spki, userData: null, nonce: null })
  return { privateKey, recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument } }
}
