import { describe, expect, it } from 'vitest'
import { createClient } from '../src/http/client.ts'

/** A client and the URLs that it asked for. Every answer is an empty list of enclaves, whatever was asked. */
function recordingClient() {
  const urls: string[] = []
  const fetch: typeof globalThis.fetch = (url) => {
    urls.push((url as URL).href)
    return Promise.resolve(Response.json({ enclaves: [] }))
  }
  return { urls, ...createClient({ gateway: 'http://gateway.example/', fetch }) }
}

const keyId = 'a'.repeat(32)
const refreshId = 'b'.repeat(32)
const mismatch = expect.objectContaining({ code: 'reply.invalid' }) as unknown

describe('a call', () => {
  it('fills in the parameters of its path', async () => {
    const { call, urls } = recordingClient()
    await expect(call('getRefresh', { params: { keyId, refreshId }, query: { wait: '5s' } })).rejects.toEqual(mismatch)
    expect(urls).toEqual([`http://gateway.example/api/v1/keys/${keyId}/refresh/${refreshId}/status?wait=5s`])
  })

  it('lets no parameter out of its place in the path', async () => {
    const { call, urls } = recordingClient()
    await expect(call('getKey', { params: { keyId: 'a/../b?c#d$&' } })).rejects.toEqual(mismatch)
    expect(urls).toEqual(['http://gateway.example/api/v1/keys/a%2F..%2Fb%3Fc%23d%24%26'])
  })

  it('needs nothing where its route has no parameters', async () => {
    const { call, urls } = recordingClient()
    expect(await call('listEnclaves', {})).toEqual({ enclaves: [] })
    expect(urls).toEqual(['http://gateway.example/api/v1/enclaves'])
  })

  it('does not compile without what its route demands, or with what it does not know', () => {
    const { call } = recordingClient()
    const never = () => [
      // @ts-expect-error -- the path names a key
      call('getKey', {}),
      // @ts-expect-error -- the path names a key, and not a signing
      call('getKey', { params: { signingId: keyId } }),
      // @ts-expect-error -- the path names a refresh too
      call('getRefresh', { params: { keyId } }),
      // @ts-expect-error -- the query says from which epoch on
      call('listCertificates', { params: { keyId } }),
      // @ts-expect-error -- the body is the proof
      call('openSession', {}),
      // @ts-expect-error -- there is no body in a GET
      call('getKey', { params: { keyId }, body: {} }),
    ]
    expect(never).toBeInstanceOf(Function)
  })
})
