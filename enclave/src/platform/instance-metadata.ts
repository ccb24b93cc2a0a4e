import { request, type IncomingMessage } from 'node:http'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { z } from 'zod'
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

/** In ms, for a request with its answer. */
const patience = 5_000
const longestAnswer = 16 * 1024
const roles = 'iam/security-credentials/'

export function createInstanceMetadata(tunnel: Tunnel): InstanceMetadata {
  const agent = new TunnelAgent(tunnel)

  /** A token for each visit: there are two a day. */
  const openSession = async (): Promise<(path: string) => Promise<string>> => {
    const lifetime = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
    const token = await ask(agent, 'PUT', '/latest/api/token', lifetime)
    return (path) => ask(agent, 'GET', `/latest/meta-data/${path}`, { 'x-aws-ec2-metadata-token': token })
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

function ask(agent: TunnelAgent, method: string, path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    request({ agent, host: '169.254.169.254', method, path, headers, signal })
      .on('response', (response) => void readAnswer(response).then(resolve, reject))
      .on('error', reject)
      .end()
  })
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`the metadata service answers ${String(response.statusCode)}`)
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestAnswer) throw new Error('the metadata service answers too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8').trim()
}
