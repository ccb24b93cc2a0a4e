import { createPrivateKey, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { issueCertificate, type Authority } from './certificate.ts'

/** The authorities of a simulated fleet, as many as AWS has. With `leaf` certificates below `instance` the chain is five long. */
export type DevelopmentChain = Readonly<{
  /** Certificates as DER: root, regional, zonal, instance. */
  cabundle: readonly Uint8Array[]
  instance: Authority
  /** The root as PEM, for a trust policy. */
  rootPem: string
}>

const year = 365 * 86_400_000
const organization = [
  ['O', 'Quorate'],
  ['OU', 'Development'],
] as const

const StoredChain = z.strictObject({
  warning: z.string(),
  cabundle: z.array(z.base64()).length(4),
  instance: z.strictObject({ privateKey: z.string(), subject: z.base64() }),
})

/**
 * The chain kept in this folder, or a new one. Only the instance's private key is kept; those of the authorities above
 * it are forgotten as soon as they have signed. Whoever reads the folder can forge documents of the simulated fleet,
 * and of nothing else.
 */
export async function loadOrCreateChain(folder: string): Promise<DevelopmentChain> {
  const path = join(folder, 'development-chain.json')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stored = await readFile(path, 'utf8').catch((error: unknown) => absent(error))
  if (stored !== null) return readChain(stored)
  // Whole or not at all, and the first one wins when two processes start together.
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, JSON.stringify(createChain(), null, 2), { mode: 0o600, flag: 'wx' })
  await link(draft, path).catch((error: unknown) => present(error))
  await rm(draft)
  return readChain(await readFile(path, 'utf8'))
}

function createChain(): z.infer<typeof StoredChain> {
  const notBefore = Date.now() - 60_000
  const times = { notBefore, notAfter: notBefore + 20 * year }
  const common = (name: string) => [['C', 'US'], ...organization, ['CN', name]] as const
  const id = () => randomBytes(8).toString('hex')
  const root = issueCertificate({ ...times, subject: common('development.nitro-enclaves'), ca: { mayRevoke: true } })
  const below = (name: string, pathLength: number, mayRevoke: boolean, issuer: Authority) =>
    issueCertificate(
      { ...times, subject: common(`${name}.development.nitro-enclaves`), ca: { pathLength, mayRevoke } },
      issuer,
    )
  const regional = below(`${id()}.local`, 2, true, root)
  const zonal = below(`${id()}.zonal.local`, 1, true, regional)
  const instance = below(`i-${id()}.local`, 0, false, zonal)
  return {
    warning: 'Development only: signs attestation documents of a simulated fleet',
    cabundle: [root, regional, zonal, instance].map(({ certificate }) => Buffer.from(certificate).toString('base64')),
    instance: {
      privateKey: instance.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      subject: Buffer.from(instance.subject).toString('base64'),
    },
  }
}

function readChain(text: string): DevelopmentChain {
  const stored = StoredChain.parse(JSON.parse(text))
  const cabundle = stored.cabundle.map((der) => Uint8Array.from(Buffer.from(der, 'base64')))
  const [root = '', certificate] = [stored.cabundle[0], cabundle[3]]
  if (certificate === undefined) throw new RangeError('the development chain is incomplete')
  const subject = Uint8Array.from(Buffer.from(stored.instance.subject, 'base64'))
  const lines = root.match(/.{1,64}/g) ?? []
  return {
    cabundle,
    instance: { certificate, subject, privateKey: createPrivateKey(stored.instance.privateKey) },
    rootPem: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

function absent(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null
  throw error
}

function present(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error
}
