import { expect, it } from 'vitest'
import { parseAddress } from './address.ts'

it('reads UNIX and TCP addresses', () => {
  expect(parseAddress('unix:/run/enclave.sock')).toEqual({ kind: 'unix', path: '/run/enclave.sock' })
  expect(parseAddress('tcp:127.0.0.1:5001')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 5001 })
  expect(parseAddress('tcp:[::1]:5001')).toEqual({ kind: 'tcp', host: '::1', port: 5001 })
})

it.each(['', 'unix:', 'tcp:localhost', 'tcp:localhost:99999', 'http://x', 'vsock:2:5000'])(
  'refuses %j and names the forms',
  (text) => {
    expect(() => parseAddress(text)).toThrow('unix:PATH')
  },
)
