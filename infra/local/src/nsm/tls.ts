import { join } from 'node:path'
import * as z from 'zod'
import { issueCertificate, type Authority } from './certificate.ts'
import { keepOnce } from './keep-once.ts'
import { pemOf } from './pem.ts'

/** What a TLS server takes: private key and certificate as PEM. */
export const ServerIdentity = z.strictObject({ key: z.string().min(1), cert: z.string().min(1) })
export type ServerIdentity = z.infer<typeof ServerIdentity>

/** A server's identity, with the certificate of the authority (PEM) that it stands under. */
export type TlsMaterial = Readonly<{ authority: string; server: ServerIdentity }>

const lifetime = 20 * 365 * 86_400_000

const times = () => {
  const notBefore = Date.now() - 60_000
  return { notBefore, notAfter: notBefore + lifetime }
}

/** An authority of its own for TLS, good for 20 years. */
export const makeTlsAuthority = (name = 'development TLS'): Authority =>
  issueCertificate({ ...times(), subject: [['CN', name]], ca: { pathLength: 0, mayRevoke: true } })

/** An identity for a server of these DNS names and IPv4 addresses, good for 20 years. */
export function issueServerIdentity(authority: Authority, names: readonly [string, ...string[]]): ServerIdentity {
  const leaf = issueCertificate({ ...times(), subject: [['CN', names[0]]], ca: null, names }, authority)
  return { key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: pemOf(leaf.certificate) }
}

const StoredTls = z.strictObject({ authority: z.string().min(1), server: ServerIdentity })

/**
 * The identity of the loopback's server that is kept in this folder, or a new one. The authority's private key is forgotten as
 * soon as it has signed: nothing else will ever stand under it.
 */
export async function loadOrCreateTls(folder: string): Promise<TlsMaterial> {
  const make = () => {
    const authority = makeTlsAuthority()
    const server = issueServerIdentity(authority, ['localhost', '127.0.0.1'])
    return JSON.stringify({ authority: pemOf(authority.certificate), server }, null, 2)
  }
  return StoredTls.parse(JSON.parse(await keepOnce(join(folder, 'tls.json'), make)))
}
