import { createPrivateKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import { issueCertificate, type Authority } from './certificate.ts'
import { keepOnce } from './keep-once.ts'
import { pemOf } from './pem.ts'

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
  return readChain(await keepOnce(join(folder, 'development-chain.json'), () => JSON.stringify(createChain(), null, 2)))
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
  const [root, , , certificate] = cabundle
  if (root === undefined || certificate === undefined) throw new RangeError('the development chain is incomplete')
  const subject = Uint8Array.from(Buffer.from(stored.instance.subject, 'base64'))
  return {
    cabundle,
    instance: { certificate, subject, privateKey: createPrivateKey(stored.instance.privateKey) },
    rootPem: pemOf(root),
  }
}
