import { randomBytes } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/** The metadata service (IMDSv2) of the instance on which the enclave of this name runs, as its parent's proxy reaches it. */
export function serveMetadata(enclaveId: string, accessKeyId: string): (socket: Socket) => void {
  const server = createServer(answerAs(enclaveId, accessKeyId))
  return (socket) => void server.emit('connection', socket)
}

function answerAs(enclaveId: string, accessKeyId: string): RequestListener {
  const sessions = new Set<string>()
  const answers: Readonly<Record<string, () => string>> = {
    '/latest/meta-data/tags/instance/quorate-enclave': () => enclaveId,
    '/latest/meta-data/iam/security-credentials/': () => 'quorate-host',
    '/latest/meta-data/iam/security-credentials/quorate-host': () => drawCredentials(accessKeyId),
  }
  return ({ method, url = '', headers }, response) => {
    if (method === 'PUT' && url === '/latest/api/token') {
      const token = randomBytes(40).toString('base64')
      if (headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined) return void response.writeHead(400).end()
      sessions.add(token)
      return void response.end(token)
    }
    if (!sessions.has(String(headers['x-aws-ec2-metadata-token']))) return void response.writeHead(401).end()
    const answer = method === 'GET' ? answers[url] : undefined
    response.writeHead(answer === undefined ? 404 : 200).end(answer?.())
  }
}

const inSeconds = (time: number): string => new Date(time).toISOString().replace(/\.\d+/, '')

const drawCredentials = (accessKeyId: string): string =>
  JSON.stringify({
    Code: 'Success',
    LastUpdated: inSeconds(Date.now()),
    Type: 'AWS-HMAC',
    AccessKeyId: accessKeyId,
    SecretAccessKey: randomBytes(30).toString('base64'),
    Token: randomBytes(64).toString('base64'),
    Expiration: inSeconds(Date.now() + 6 * 3_600_000),
  })
