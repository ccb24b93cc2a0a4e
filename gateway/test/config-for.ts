import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Address } from '@quorate/shared/wire/address'
import type { Config } from '../src/config.ts'
import { storageKey } from './fresh-store.ts'

/** A gateway on any free ports, over this database, before these enclaves. */
export const configFor = (
  database: string,
  enclaves: readonly Readonly<{ id: EnclaveId; address: Address }>[],
): Config => ({
  listen: { host: '127.0.0.1', port: 0 },
  metricsListen: { host: '127.0.0.1', port: 0 },
  publicUrl: null,
  name: 'gateway',
  database,
  storageKey,
  enclaves: new Map(enclaves.map(({ id, address }) => [id, address])),
  manifest: null,
  rateLimit: 10_000_000,
  trustedProxies: 0,
  corsOrigin: null,
  hsts: null,
  idleTimeoutMs: 130_000,
  relays: new Set(),
  nostrKey: null,
  roundTimeoutMs: 2_000,
  logLevel: 'silent',
})
