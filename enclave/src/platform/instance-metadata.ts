import { EnclaveId } from '@quorate/shared/wire/ids'
import * as z from 'zod'
import { askPlainly, type PlainQuestion } from './plain-http.ts'
import { TunnelAgent, type Tunnel } from './tunnel.ts'

/** Credentials of the parent instance's role, as the AWS SDK takes them. */
export type InstanceCredentials = Readonly<{
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  expiration: Date
}>

/**
 * The metadata service of the parent instance (IMDSv2), through a tunnel. Its operator can answer what he likes: a name, which an
 * enclave only has so that its gateway finds it, and credentials, which open nothing without an attestation document.
 * Throws a plain Error.
 */
export type InstanceMetadata = Readonly<{
  /** The tag `quorate-enclave` of the instance. */
  enclaveId: () => Promise<EnclaveId>
  credentials: () => Promise<InstanceCredentials>
}>

const Credentials = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().min(1),
  Expiration: z.iso.datetime({ offset: true }),
})

const roles = 'iam/security-credentials/'

export function createInstanceMetadata(tunnel: Tunnel): InstanceMetadata {
  const agent = new TunnelAgent(tunnel)
  const askText = async (question: PlainQuestion) => (await askPlainly(agent, question)).toString('utf8').trim()

  /** A token for each visit: there are two a day. */
  const openSession = async (): Promise<(path: string) => Promise<string>> => {
    const lifetime = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
    const token = await askText({ method: 'PUT', path: '/latest/api/token', headers: lifetime })
    const headers = { 'x-aws-ec2-metadata-token': token }
    return (path) => askText({ method: 'GET', path: `/latest/meta-data/${path}`, headers })
  }

  return {
    enclaveId: async () => {
      const get = await openSession()
      return EnclaveId.parse(await get('tags/instance/quorate-enclave'))
    },
    credentials: async () => {
      const get = await openSession()
      const [role = ''] = (await get(roles)).split('\n')
      if (!/^[\w+=,.@-]{1,64}$/.test(role)) throw new Error('the instance has no role')
      const given = Credentials.parse(JSON.parse(await get(roles + role)))
      return {
        accessKeyId: given.AccessKeyId,
        secretAccessKey: given.SecretAccessKey,
        sessionToken: given.Token,
        expiration: new Date(given.Expiration),
      }
    },
  }
}
