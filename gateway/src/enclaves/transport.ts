import { connect, type Socket } from 'node:net'
import type { Address } from '@quorate/shared/wire/address'

/** Begins to connect. `vsock:` joins here with its own transport: a duplex stream is all that the pool asks for. */
export function dial(address: Address): Socket {
  if (address.kind === 'unix') return connect({ path: address.path })
  return connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true })
}
