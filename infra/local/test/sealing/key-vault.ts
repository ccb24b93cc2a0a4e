import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import type { IncomingMessage, RequestListener } from 'node:http'
import { json } from 'node:stream/consumers'
import * as z from 'zod'

/*
 * A stub of the REST wire of Azure Key Vault and Managed HSM (api-version 7.4), written after its reference: wrapkey, unwrapkey,
 * rng, and the errors of them that sealing can meet. It is no emulator, and has never been held against the service.
 */
type Algorithm = 'RSA-OAEP-256' | 'A256KW'
export type VaultKey = Readonly<{ kid: string; wrap: (of: Buffer) => Buffer; unwrap: (of: Buffer) => Buffer }> & {
  algorithm: Algorithm
  enabled: boolean
}

const oaep = (key: KeyObject) => ({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' })

export function makeRsaKey(kid: string): VaultKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const wrap = (of: Buffer) => publicEncrypt(oaep(publicKey), of)
  return { kid, wrap, unwrap: (of) => privateDecrypt(oaep(privateKey), of), algorithm: 'RSA-OAEP-256', enabled: true }
}

/** AES key wrap (RFC 3394). */
export function makeOctKey(kid: string): VaultKey {
  const [secret, iv] = [randomBytes(32), Buffer.alloc(8, 0xa6)]
  const wrap = (of: Buffer) => {
    const cipher = createCipheriv('id-aes256-wrap', secret, iv)
    return Buffer.concat([cipher.update(of), cipher.final()])
  }
  const unwrap = (of: Buffer) => {
    const decipher = createDecipheriv('id-aes256-wrap', secret, iv)
    return Buffer.concat([decipher.update(of), decipher.final()])
  }
  return { kid, wrap, unwrap, algorithm: 'A256KW', enabled: true }
}

class VaultError extends Error {
  readonly status: number
  readonly body: object

  constructor(status: number, code: string, message: string, inner?: string) {
    super(message)
    this.status = status
    const innererror = inner === undefined ? {} : { innererror: { code: inner } }
    this.body = { error: { code, message, ...innererror } }
  }
}

const Operation = z.strictObject({ alg: z.enum(['RSA-OAEP-256', 'A256KW']), value: z.base64url() })
const Random = z.strictObject({ count: z.int().min(1).max(128) })

export type VaultOptions = Readonly<{ keys: readonly VaultKey[]; tokens: ReadonlyMap<string, 'use' | 'nothing'> }>

export const createKeyVault =
  ({ keys, tokens }: VaultOptions): RequestListener =>
  (request, response) => {
    const reply = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
    answer(keys, tokens, request).then(
      (body) => reply(200, body),
      (error: unknown) => {
        const known = error instanceof VaultError ? error : new VaultError(500, 'InternalServerError', 'internal')
        reply(known.status, known.body)
      },
    )
  }

async function answer(
  keys: readonly VaultKey[],
  tokens: VaultOptions['tokens'],
  request: IncomingMessage,
): Promise<object> {
  const rights = tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
  if (rights === undefined) throw new VaultError(401, 'Unauthorized', 'AKV10032: Invalid issuer or token.')
  if (rights === 'nothing') throw new VaultError(403, 'Forbidden', 'Caller is not authorized to perform action.')
  const { pathname, searchParams } = new URL(request.url ?? '', `https://${request.headers.host ?? ''}`)
  if (searchParams.get('api-version') !== '7.4') throw new VaultError(400, 'BadParameter', 'api-version')
  const body = await json(request)
  if (pathname === '/rng') return { value: randomBytes(Random.parse(body).count).toString('base64url') }
  return operate(keys, pathname, body)
}

function operate(keys: readonly VaultKey[], pathname: string, body: unknown): object {
  const [, path = '', operation] = /^(\/keys\/[^/]+\/[^/]+)\/(wrapkey|unwrapkey)$/.exec(pathname) ?? []
  const key = keys.find(({ kid }) => new URL(kid).pathname === path)
  if (key === undefined) throw new VaultError(404, 'KeyNotFound', 'A key with that version was not found.')
  if (!key.enabled) throw new VaultError(403, 'Forbidden', 'Operation is not allowed on a disabled key.', 'KeyDisabled')
  const { alg, value } = Operation.parse(body)
  if (alg !== key.algorithm) throw new VaultError(400, 'BadParameter', `Key does not support ${alg}.`)
  const given = Buffer.from(value, 'base64url')
  try {
    const done = operation === 'wrapkey' ? key.wrap(given) : key.unwrap(given)
    return { kid: key.kid, value: done.toString('base64url') }
  } catch {
    throw new VaultError(400, 'BadParameter', 'The parameter is incorrect.')
  }
}
