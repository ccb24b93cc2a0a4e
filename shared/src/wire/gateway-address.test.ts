import { expect, it } from 'vitest'
import { GatewayAddress, Origin } from './gateway-address.ts'

// As reported in block/buzz#6441.
it.each([
  ['https://Sign.Example.com', 'https://sign.example.com'],
  ['https://sign.example.com:443', 'https://sign.example.com'],
  ['HTTPS://sign.example.com/', 'https://sign.example.com'],
  ['https://sign.example.com/q/', 'https://sign.example.com/q'],
  ['https://sign.example.com/Q//', 'https://sign.example.com/Q'],
  ['http://[0:0:0:0:0:0:0:1]:80', 'http://[::1]'],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
])('the address %s is written %s', (typed, written) => {
  expect(GatewayAddress.parse(typed)).toBe(written)
  expect(GatewayAddress.parse(written)).toBe(written)
})

it.each([
  ['sign.example.com', 'an address like'],
  ['localhost:3000', 'an address like'],
  ['//sign.example.com', 'an address like'],
  ['https:sign.example.com', 'an address like'],
  ['', 'an address like'],
  ['ftp://sign.example.com', 'http:// or https://'],
  ['unix:///run/q.sock', 'http:// or https://'],
  ['https://user:CANARY@sign.example.com', 'no user name or password'],
  ['https://CANARY@sign.example.com', 'no user name or password'],
  ['https://sign.example.com/?key=CANARY', 'nothing after its path'],
  ['https://sign.example.com/#x', 'nothing after its path'],
])('the address %s is refused with a reason that does not repeat it', (typed, why) => {
  const { error } = GatewayAddress.safeParse(typed)
  expect(error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining(why)])
  expect(JSON.stringify(error)).not.toContain('CANARY')
})

// As reported in keycloak/keycloak#25522 and reearth/reearth-cms#1940.
it.each([
  ['https://app.example.com/', 'https://app.example.com'],
  ['https://App.Example.com', 'https://app.example.com'],
  ['HTTP://app.example.com:80', 'http://app.example.com'],
  ['http://localhost:5173/', 'http://localhost:5173'],
])('the origin %s is written %s', (typed, written) => {
  expect(Origin.parse(typed)).toBe(written)
})

it.each(['https://app.example.com/page', 'app.example.com', 'https://a@app.example.com', 'null', ''])(
  'the origin %j is refused',
  (typed) => {
    expect(Origin.safeParse(typed).success).toBe(false)
  },
)
