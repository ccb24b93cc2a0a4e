import { expect, it } from 'vitest'
import { formatListenAddress, parseAddress, parseListenAddress } from './address.ts'

it('reads addresses of every kind', () => {
  expect(parseAddress('unix:/run/enclave.sock')).toEqual({ kind: 'unix', path: '/run/enclave.sock' })
  expect(parseAddress('tcp:127.0.0.1:5001')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 5001 })
  expect(parseAddress('tcp:[::1]:5001')).toEqual({ kind: 'tcp', host: '::1', port: 5001 })
  expect(parseAddress('vsock:16:5000')).toEqual({ kind: 'vsock', cid: 16, port: 5000 })
  expect(parseAddress('vsock:3:4294967294')).toEqual({ kind: 'vsock', cid: 3, port: 0xffff_fffe })
  expect(parseAddress('hybrid:/run/vm:1.sock:5000')).toEqual({ kind: 'hybrid', path: '/run/vm:1.sock', port: 5000 })
})

it.each(['', 'unix:', 'tcp:localhost:99999', 'http://x', 'vsock:ANY:5000', 'vsock:16:4294967295', 'hybrid::5000'])(
  'refuses %j and names the forms',
  (text) => {
    expect(() => parseAddress(text)).toThrow('unix:PATH')
  },
)

it.each([
  ['tcp:localhost', 'tcp:HOST wants a port: tcp:HOST:PORT'],
  ['tcp:localhost:', 'tcp:HOST wants a port: tcp:HOST:PORT'],
  ['tcp:[::1]', 'tcp:HOST wants a port: tcp:HOST:PORT'],
  ['vsock:5000', 'vsock:CID wants a port: vsock:CID:PORT'],
  ['hybrid:/run/x', 'hybrid:PATH wants a port: hybrid:PATH:PORT'],
])('says of %s what it lacks', (text, lack) => {
  expect(() => parseAddress(text)).toThrow(lack)
  if (text.startsWith('tcp:')) expect(() => parseListenAddress(text)).toThrow(lack)
})

it.each(['0', '1', '2', '4294967295', '4294967296', '-1'])('reaches nothing under CID %s', (cid) => {
  expect(() => parseAddress(`vsock:${cid}:5000`)).toThrow('vsock:CID:PORT')
})

it.each(['unix:/run/e.sock', 'tcp:127.0.0.1:5001', 'tcp:[::1]:5001', 'vsock:ANY:5000'])('listens on %s', (text) => {
  expect(formatListenAddress(parseListenAddress(text))).toBe(text)
})

it.each(['vsock:16:5000', 'vsock:ANY:4294967295', 'hybrid:/run/x:5000', ''])('does not listen on %j', (text) => {
  expect(() => parseListenAddress(text)).toThrow('vsock:ANY:PORT')
})
