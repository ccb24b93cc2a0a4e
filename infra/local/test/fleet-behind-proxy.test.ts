import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate } from '@quorate/client'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { afterAll, expect, it } from 'vitest'
import { startMain } from './support/main-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-proxy-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What stands in front of a gateway: it says who asks, and hands everything on to the address that `behind` gives. */
async function startProxy(behind: () => string): Promise<{ server: Server; url: string }> {
  const server = createServer((asked, answer) => {
    const { method, headers } = asked
    const on = request(new URL(asked.url ?? '', behind()), {
      ...(method === undefined ? {} : { method }),
      headers: { ...headers, 'x-forwarded-for': asked.socket.remoteAddress ?? '' },
    })
    on.once('response', (reply) => reply.pipe(answer.writeHead(reply.statusCode ?? 502, reply.headers)))
    on.once('error', () => answer.destroy())
    asked.pipe(on)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

it('a fleet behind a proxy is used by the address that PUBLIC_URL gives', { timeout: 120_000 }, async () => {
  let behind = ''
  const { server, url } = await startProxy(() => behind)
  const { child, ended, says, output } = startMain(join(folder, 'state'), { PUBLIC_URL: url })
  try {
    await says(/^ {2}Ctrl-C/m)
    behind = /^ready (\S+)$/m.exec(output())?.[1] ?? ''
    const trust = TrustPolicy.parse(JSON.parse(readFileSync(join(folder, 'state/trust.json'), 'utf8')))
    const quorate = new Quorate({ gateway: url, trust })
    const [alice, bob] = ['alice', 'bob'].map((name) => quorate.participant(name, { seed: randomBytes(32) }))
    const participants = ['alice', 'bob']
    const keygen = await alice!.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants })
    await bob!.participate(keygen.invitation('bob'))
    const key = await keygen.completed()
    const signing = await alice!.requestSignature(key, 'through a proxy')
    await bob!.approve(await bob!.signing(key, signing.signingId))
    expect((await signing.completed()).signatures).toHaveLength(1)
  } finally {
    child.kill('SIGTERM')
    await ended
    server.close()
  }
})
