import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { boot, type Devices } from '@quorate/enclave/boot'
import { readConfiguration } from '@quorate/enclave/configuration'
import { createEnclave } from '@quorate/enclave/enclave'
import { connectStream } from '@quorate/shared/linux/streams'
import { encode } from '@quorate/shared/crypto/cbor'
import { toHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { developmentPrincipals, makeDevelopmentPolicy } from '../src/kms/development-policy.ts'
import { developmentKeyId } from '../src/kms/key-store.ts'
import { startKms, type RunningKms } from '../src/kms/server.ts'
import type { Authority } from '../src/nsm/certificate.ts'
import { loadOrCreateChain, type DevelopmentChain } from '../src/nsm/development-root.ts'
import { createModule } from '../src/nsm/hypervisor.ts'
import { pemOf } from '../src/nsm/pem.ts'
import { issueServerIdentity, makeTlsAuthority } from '../src/nsm/tls.ts'

/*
 * The production composition on other devices: a simulated NSM behind the transport, UNIX sockets in place of the parent's vsock
 * ports. Behind them stand a metadata service, and the KMS stand-in.
 */
const endpointName = 'kms.local-1.amazonaws.com'
const ports = { listen: 5000, kms: 8000, metadata: 8001 }
const pcrs = new Map([0, 1, 2, 3, 4].map((index) => [index, new Uint8Array(48).fill(1)]))

let folder: string
let chain: DevelopmentChain
let kms: RunningKms
let authority: Authority
const servers: Server[] = []
/** The session tokens that came to KMS. */
let tokens: (string | undefined)[]
let metadata: RequestListener

async function listen(server: Server, port: number): Promise<void> {
  servers.push(server)
  await once(server.listen(join(folder, String(port))), 'listening')
}

/** What stands at the end of the proxy: TLS under this authority and name, with KMS behind it, so that what comes can be seen. */
async function startEndpoint(port: number, issuer: Authority, name: string): Promise<void> {
  const server = createTlsServer(issueServerIdentity(issuer, [name]), (socket) => {
    const behind = connectTls({
      port: kms.port,
      host: '127.0.0.1',
      servername: endpointName,
      ca: pemOf(authority.certificate),
    })
    socket
      .on('error', () => behind.destroy())
      .on('data', (chunk: Buffer) => {
        const token = /^x-amz-security-token: (.*)\r$/im.exec(chunk.toString('latin1'))
        if (token) tokens.push(token[1])
      })
    socket.pipe(behind).pipe(socket)
  })
  await listen(server, port)
}

const imds: RequestListener = (request: IncomingMessage, response) => {
  const answers: Record<string, string> = {
    'PUT /latest/api/token': 'a-session',
    'GET /latest/meta-data/tags/instance/quorate-enclave': 'enclave-7',
    'GET /latest/meta-data/iam/security-credentials/': 'quorate-host',
    'GET /latest/meta-data/iam/security-credentials/quorate-host': JSON.stringify({
      Code: 'Success',
      AccessKeyId: 'ASIA',
      SecretAccessKey: 'secret',
      Token: 'a-token-of-the-role',
      Expiration: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
    }),
  }
  const allowed = request.method === 'PUT' || request.headers['x-aws-ec2-metadata-token'] === 'a-session'
  const answer = answers[`${String(request.method)} ${String(request.url)}`]
  response.writeHead(!allowed ? 401 : answer === undefined ? 404 : 200).end(answer)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'boot-'))
  chain = await loadOrCreateChain(join(folder, 'nsm'))
  const registers = Object.fromEntries([0, 1, 2].map((index) => [index, toHex(pcrs.get(index)!)]))
  const policy = makeDevelopmentPolicy(registers, ['enclave-7'], Date.now())
  authority = makeTlsAuthority()
  kms = await startKms({
    port: 0,
    tls: issueServerIdentity(authority, [endpointName]),
    folder: join(folder, 'kms'),
    roots: [chain.rootPem],
    keys: [{ keyId: developmentKeyId, policy }],
    principals: { ASIA: developmentPrincipals.local },
  })
  await startEndpoint(ports.kms, authority, endpointName)
  await startEndpoint(8002, makeTlsAuthority(), endpointName)
  await startEndpoint(8003, authority, 'kms.local-2.amazonaws.com')
  await listen(
    createServer((request, response) => metadata(request, response)),
    ports.metadata,
  )
})

beforeEach(() => {
  tokens = []
  metadata = imds
})

afterAll(async () => {
  for (const server of servers) server.close()
  await kms.close()
  await rm(folder, { recursive: true, force: true })
})

const configuration = (kmsPort = ports.kms) =>
  readConfiguration(
    JSON.stringify({
      roots: [chain.rootPem],
      sealing: {
        provider: 'aws',
        endpoint: `https://${endpointName}`,
        region: kms.keyArn.split(':')[3],
        keyArn: kms.keyArn,
        authorities: [pemOf(authority.certificate)],
      },
      ports: { ...ports, kms: kmsPort },
    }),
  )

/** By descriptor, as vsock is, where that can be: TLS runs over the same kind of stream. */
async function dial(path: string, signal: AbortSignal): Promise<Socket> {
  if (process.platform === 'linux') return connectStream(Uint8Array.from([1, 0, ...Buffer.from(path), 0]), signal)
  const socket = connect(path)
  await once(socket, 'connect', { signal })
  return socket
}

/** Writes for as long as somebody reads. */
function pour(response: ServerResponse): void {
  while (response.write('x'.repeat(4_096)) && !response.closed);
  response.once('drain', () => pour(response))
}

function devices(more: Partial<Devices> = {}): Devices & { lines: string[]; added: number } {
  const module = createModule({ chain, pcrs, moduleId: 'i-0-enc7', now: Date.now })
  const made = {
    lines: [] as string[],
    added: 0,
    nsm: (request: Uint8Array) => Promise.resolve(module(request)),
    addEntropy: (bytes: Uint8Array) => void (made.added += bytes.length),
    dialParent: (port: number, signal: AbortSignal) => dial(join(folder, String(port)), signal),
    write: (line: string) => void made.lines.push(line),
    ...more,
  }
  return made
}

describe('an enclave as in production, on simulated devices', () => {
  it('makes a root through KMS, and is the same enclave when it is started with it again', async () => {
    const parts = devices()
    const first = await createEnclave(await boot(configuration(), parts)).boot({ sealedRoot: null })
    const again = await createEnclave(await boot(configuration(), devices())).boot({ sealedRoot: first.sealedRoot })
    expect(first.identity.enclaveId).toBe('enclave-7')
    expect(again.identity).toEqual(first.identity)
    expect(parts.added).toBe(512)
    expect(parts.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { enclave: 'enclave-7', event: 'root.created' },
    ])
  })

  it('says before its root is open that KMS gives it to the measured image alone', async () => {
    const { locked, sealing } = await createEnclave(await boot(configuration(), devices())).hello({})
    expect([locked, sealing]).toEqual([true, { provider: 'aws', releasesTo: 'measured-image', keyAttestation: 'none' }])
  })

  it('asks KMS with the credentials of the instance', async () => {
    await createEnclave(await boot(configuration(), devices())).boot({ sealedRoot: null })
    expect([...new Set(tokens)]).toEqual(['a-token-of-the-role'])
  })

  it.each([
    ['stands under an authority that is not measured', 8002],
    ['is another than the endpoint', 8003],
    ['is not there', 8004],
  ])('does not speak to a KMS that %s', async (_, port) => {
    const enclave = createEnclave(await boot(configuration(port), devices()))
    await expect(enclave.boot({ sealedRoot: null })).rejects.toMatchObject({ code: 'kms.unavailable' })
    expect(tokens).toEqual([])
  })

  it.each([
    ['are no JSON', '<html>'],
    ['are not there', '{"Code":"Failed"}'],
    ['are longer than 16 KiB', 'x'.repeat(17_000)],
    ['do not end', null],
  ])('asks again later when the credentials that its host hands over %s', async (_, answer) => {
    const platform = await boot(configuration(), devices())
    metadata = (request, response) => {
      if (!request.url?.endsWith('/quorate-host')) imds(request, response)
      else if (answer !== null) response.end(answer)
      else pour(response)
    }
    const enclave = createEnclave(platform)
    await expect(enclave.boot({ sealedRoot: null })).rejects.toMatchObject({ code: 'kms.unavailable' })
    expect(tokens).toEqual([])
    metadata = imds
    await expect(enclave.boot({ sealedRoot: null })).resolves.toMatchObject({ identity: { enclaveId: 'enclave-7' } })
  })

  it('waits for a host whose proxies start later', async () => {
    let asked = 0
    metadata = (request, response) => {
      asked += 1
      if (asked === 1) response.writeHead(503).end()
      else imds(request, response)
    }
    await expect(boot(configuration(), devices())).resolves.toMatchObject({ enclaveId: 'enclave-7' })
  })

  it('does not start when its NSM draws the same twice', async () => {
    const random = Uint8Array.from({ length: 256 }, (_, at) => (at * 73 + 11) % 256)
    const stuck = () => Promise.resolve(encode({ GetRandom: { random } }))
    await expect(boot(configuration(), devices({ nsm: stuck }))).rejects.toThrow('NSM: the randomness repeats')
  })
})
