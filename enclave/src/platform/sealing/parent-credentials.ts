import { Refusal } from '@quorate/shared/errors'
import * as z from 'zod'
import { askPlainly } from '../plain-http.ts'
import { TunnelAgent, type Tunnel } from '../tunnel.ts'

/**
 * What the host of an enclave hands over so that a key service takes the enclave's word. The host could use it itself: it keeps
 * a stolen disk and the network out, and nobody else. Throws `kms.unavailable` when there is none, or it is in no such form.
 */
export type ParentCredentials = Readonly<{
  /** An OAuth 2 access token, in the form in which the metadata services of Azure and Google give one. */
  bearerToken: (path: string, headers: Readonly<Record<string, string>>) => Promise<string>
  /** The PIN of a PKCS #11 token, as bytes that the caller wipes. */
  pin: () => Promise<Uint8Array<ArrayBuffer>>
}>

/** Azure says `expires_in` as text and more besides; neither matters, a token is asked for with each call. */
const Token = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,8192}$/), token_type: z.literal('Bearer') })

const longestPin = 256

export function createParentCredentials(tunnel: Tunnel): ParentCredentials {
  const agent = new TunnelAgent(tunnel)
  const get = async (path: string, headers: Readonly<Record<string, string>>): Promise<Buffer> => {
    try {
      return await askPlainly(agent, { method: 'GET', path, headers })
    } catch {
      throw new Refusal('kms.unavailable')
    }
  }
  return {
    bearerToken: async (path, headers) => {
      const token = Token.safeParse(parse(await get(path, headers)))
      if (!token.success) throw new Refusal('kms.unavailable')
      return token.data.access_token
    },
    pin: async () => {
      const answer = await get('/quorate/hsm-pin', {})
      const end = answer.at(-1) === 0x0a ? answer.length - 1 : answer.length
      const pin = Uint8Array.from(answer.subarray(0, end))
      answer.fill(0)
      if (pin.length > 0 && pin.length <= longestPin) return pin
      pin.fill(0)
      throw new Refusal('kms.unavailable')
    },
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
